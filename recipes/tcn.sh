#!/usr/bin/env bash
# Everything from symbolic music and real recordings to the shipped model `tcn`, in one command that can be
# stopped and run again:
#
#     recipes/tcn.sh RECORDINGS SYMBOLIC WORK [OPTION ...]
#
# RECORDINGS: a feature pack (data/README.md). SYMBOLIC: the folder of archives that
# docs/rendering.md lists. WORK: folder for renderings, packs and the run, about 6 GB. Options go to
# `beattrack train`, such as --accelerator gpu. Rendering and packing take half an hour on two free cores, the
# training six minutes on half of an H200.
set -euo pipefail

if (($# < 3)); then
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
recipes=$(cd "$(dirname "$0")" && pwd)
recordings=$1 symbolic=$2 work=$3
shift 3

pack() {
  local name=$1 source datasets=()
  shift
  if [[ -e $work/packs/$name/index.json ]]; then
    return
  fi
  for source in "$@"; do
    datasets+=(--dataset "rendered:$work/rendered/$source")
  done
  beattrack pack "$work/packs/$name" --cache "$work/cache" "${datasets[@]}"
}

beattrack render "$work/rendered" --hours 32 --seed 1 --symbolic "$symbolic"
pack songs songs
pack styles simple mma band groove pop909 nottingham freedoom
beattrack train --config "$recipes/tcn.toml" --run "$work/tcn" --dataset "pack:$recordings@0.25" \
  --dataset "pack:$work/packs/songs@0.45" --dataset "pack:$work/packs/styles@0.2" "$@"
beattrack export "$work/tcn" --name tcn --checkpoint last -o "$work"
