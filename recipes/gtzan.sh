#!/usr/bin/env bash
# Cross-validation on GTZAN, with five folds that share no artists:
#
#     recipes/gtzan.sh DATA_HOME WORK
#
# DATA_HOME: folder of GTZAN (data/README.md). WORK: folder for spectrograms and runs. Prints the mean scores of the
# excerpts, each tracked by the network that was not trained on its fold. Run it again to resume.
set -euo pipefail

if (($# < 2)); then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
recipes=$(cd "$(dirname "$0")" && pwd)
home=$1 work=$2
shift 2

for fold in 0 1 2 3 4; do
  beattrack train --config "$recipes/gtzan.toml" --fold "$fold" --data-home "$home" --run "$work/fold$fold" \
    --cache "$work/cache" "$@"
done
python "$recipes/folds.py" "$work"/fold?
