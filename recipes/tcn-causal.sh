#!/usr/bin/env bash
# Train the shipped causal model `tcn-causal` on the data of `tcn`:
#
#     recipes/tcn-causal.sh RECORDINGS WORK [OPTION ...]
#
# RECORDINGS: a feature pack (data/README.md). WORK: the folder of recipes/tcn.sh, whose packs are used. Options go
# to `beattrack train`. The training takes 50 minutes on one core of a processor with bfloat16.
set -euo pipefail

if (($# < 2)); then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
recipes=$(cd "$(dirname "$0")" && pwd)
recordings=$1 work=$2
shift 2

beattrack train --config "$recipes/tcn-causal.toml" --run "$work/tcn-causal" --dataset "pack:$recordings@0.25" \
  --dataset "pack:$work/packs/songs@0.45" --dataset "pack:$work/packs/styles@0.2" "$@"
beattrack export "$work/tcn-causal" --name tcn-causal --checkpoint last -o "$work"
