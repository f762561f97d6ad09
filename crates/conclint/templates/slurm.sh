#!/bin/sh
# conclint on a batch cluster: an array of 16 tasks explores the tests, each a
# part of them. On a file system that all nodes share, in the project:
#
#   cargo fetch && conclint explore --prepare      # once, on the login node
#   job=$(sbatch --parsable conclint-slurm.sh)
#   sbatch --dependency=afterok:"$job" --wrap 'conclint merge explore-*.json'
#SBATCH --job-name=conclint
#SBATCH --array=1-16
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=02:00:00
set -eu
part=$SLURM_ARRAY_TASK_ID
# Every task builds for itself: they run at the same time. Failing schedules
# stay there, for `conclint replay`. What a part finds is for the whole to say.
conclint explore --workspace --keep-going --offline \
    --partition "$part/$SLURM_ARRAY_TASK_COUNT" --jobs "$SLURM_CPUS_PER_TASK" \
    --target-dir "target/conclint-part-$part" \
    --format json --output "explore-$part.json" || test $? -eq 1
