#!/usr/bin/env bash
# Everything from symbolic music to the shipped model `tcn`, in one command that can be stopped and run again:
#
#     recipes/tcn.sh PACK SYMBOLIC WORK
#
# PACK: a feature pack (data/README.md). SYMBOLIC: the archives that docs/rendering.md names. WORK: where renderings,
# spectrograms and runs go, about 10 GB. Other options of `beattrack train`, such as --accelerator gpu, follow.
set -euo pipefail

if (($# < 3)); then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
recipes=$(cd "$(dirname "$0")" && pwd)
pack=$1 symbolic=$2 work=$3
shift 3

stage() {
  local name=$1
  shift
  beattrack train --config "$recipes/$name.toml" --run "$work/$name" --cache "$work/cache" "$@"
}

beattrack render "$work/rendered" --hours 48 --seed 1 --symbolic "$symbolic" \
  --mix band=0.42 --mix mma=0.28 --mix groove=0.10 --mix pop909=0.06 --mix nottingham=0.06 --mix freedoom=0.08
half=(--dataset "pack:$pack@0.5" --dataset "rendered:$work/rendered@0.5")
stage charts --dataset "pack:$pack" "$@"
stage tapped --dataset "pack:$pack" --start "$work/charts" "$@"
stage mixed "${half[@]}" --start "$work/tapped" "$@"
stage wide "${half[@]}" --start "$work/mixed" "$@"
stage own "${half[@]}" --start "$work/wide" "$@"
stage tcn "${half[@]}" --start "$work/own" "$@"
beattrack export "$work/tcn" --name tcn -o "$work"
