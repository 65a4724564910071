#!/usr/bin/env bash
# Make the shipped model `tcn` from symbolic music and recordings: render, pack, train and export. Run it again to
# resume.
#
#     recipes/tcn.sh CHARTS RECORDINGS SYMBOLIC WORK
#
# CHARTS, RECORDINGS: feature packs (data/README.md). SYMBOLIC: folder of the archives (docs/rendering.md). WORK:
# folder for renderings, packs and the run, about 12 GB. Options of `beattrack train`, such as --accelerator gpu, may
# follow. Rendering and packing take about an hour on two cores; training is meant for a GPU.
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
