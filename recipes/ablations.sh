#!/usr/bin/env bash
# Train variants of `tcn` for 700 steps each and compare them on held-out songs:
#
#     recipes/ablations.sh CHARTS RECORDINGS SONGS STYLES WORK [OPTION ...]
#
# CHARTS to STYLES: feature packs (data/README.md); recipes/tcn.sh makes the last two. WORK: folder for the runs.
# Options go to `beattrack train`, such as --accelerator gpu. A run takes two minutes on a fifth of an H200.
set -euo pipefail

if (($# < 5)); then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
recipes=$(cd "$(dirname "$0")" && pwd)
charts=$1 recordings=$2 songs=$3 styles=$4 work=$5
shift 5
options=("$@")

# run NAME SHARE_OF_CHARTS SHARE_OF_SONGS SHARE_OF_STYLES SETTING ...
run() {
  local name=$1 datasets=() setting settings=()
  [[ $2 == 0 ]] || datasets+=(--dataset "pack:$charts@$2")
  datasets+=(--dataset "pack:$recordings@0.25" --dataset "pack:$songs@$3" --dataset "pack:$styles@$4")
  for setting in steps=700 steps_per_epoch=700 warm_up=150 average_decay=0.995 "${@:5}"; do
    settings+=(--set "$setting")
  done
  beattrack train --config "$recipes/tcn.toml" --run "$work/$name" "${datasets[@]}" "${settings[@]}" "${options[@]}"
}

run base 0.1 0.45 0.2
run noslow 0.1 0.45 0.2 network.harmony=false network.front_end.channels=48
run novelty 0.1 0.45 0.2 network.harmony.learned=false
run learned 0.1 0.45 0.2 network.harmony.novelty=false
run charts0 0 0.45 0.2
run styles 0.1 0.2 0.45
run tolerant 0.1 0.45 0.2 loss.tolerance=2
run wide 0.1 0.45 0.2 network.front_end.channels=44 network.harmony.channels=20 network.tcn.channels=64
run long 0.1 0.45 0.2 crop.frames=6000 batch=32
run sum 0.1 0.45 0.2 network.sum_head=true
python "$recipes/compare.py" "$work"/{base,noslow,novelty,learned,charts0,styles,tolerant,wide,long,sum}
