#!/usr/bin/env bash
# Everything from symbolic music and real recordings to the shipped model `tcn`, in one command that can be
# stopped and run again:
#
#     recipes/tcn.sh CHARTS RECORDINGS SYMBOLIC WORK
#
# CHARTS, RECORDINGS: feature packs (data/README.md). SYMBOLIC: the archives that docs/rendering.md names. WORK:
# where renderings, packs and the run go, about 12 GB. Other options of `beattrack train`, such as --accelerator
# gpu, follow. Two cores render and pack in about an hour; the training is meant for a GPU.
set -euo pipefail

if (($# < 4)); then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
recipes=$(cd "$(dirname "$0")" && pwd)
charts=$1 recordings=$2 symbolic=$3 work=$4
shift 4

pack() {
  local name=$1 source datasets=()
  shift
  [[ -e $work/packs/$name/index.json ]] && return
  for source in "$@"; do
    datasets+=(--dataset "rendered:$work/rendered/$source")
  done
  beattrack pack "$work/packs/$name" --cache "$work/cache" "${datasets[@]}"
}

beattrack render "$work/rendered" --hours 30 --seed 1 --symbolic "$symbolic"
pack songs songs
pack styles simple mma band groove pop909 nottingham freedoom
beattrack train --config "$recipes/tcn.toml" --run "$work/tcn" \
  --dataset "pack:$work/packs/songs@0.45" --dataset "pack:$work/packs/styles@0.2" \
  --dataset "pack:$recordings@0.25" --dataset "pack:$charts@0.1" "$@"
beattrack export "$work/tcn" --name tcn -o "$work"
