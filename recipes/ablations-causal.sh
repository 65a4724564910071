#!/usr/bin/env bash
# Train variants of `tcn-causal` for 600 steps each and compare them on held-out songs:
#
#     recipes/ablations-causal.sh RECORDINGS WORK [OPTION ...]
#
# RECORDINGS: a feature pack (data/README.md). WORK: the folder of recipes/tcn.sh, whose packs are used. Options go
# to `beattrack train`. A run takes ten minutes on one core of a processor with bfloat16.
set -euo pipefail

if (($# < 2)); then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
recipes=$(cd "$(dirname "$0")" && pwd)
recordings=$1 work=$2
shift 2
options=("$@")

# run NAME SETTING ...
run() {
  local name=$1 setting settings=()
  for setting in steps=600 steps_per_epoch=600 average_decay=0.99 "${@:2}"; do
    settings+=(--set "$setting")
  done
  beattrack train --config "$recipes/tcn-causal.toml" --run "$work/causal-$name" "${settings[@]}" \
    --dataset "pack:$recordings@0.25" --dataset "pack:$work/packs/songs@0.45" \
    --dataset "pack:$work/packs/styles@0.2" "${options[@]}"
}

run base
run noharmony crop.harmony_drop=1
run random 'start=""'
run gated 'start=""' network.tcn.gated=true
python "$recipes/compare.py" "$work"/causal-{base,noharmony,random,gated}
