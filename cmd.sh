# shellcheck shell=bash
# How a job runs, for every script that is not given --cmd. To be sourced.
#
# On this machine:            utils/run.sh
# On a cluster with Slurm:    slurm.pl --partition day   (any of Kaldi's run.pl, slurm.pl, queue.pl, if it is on PATH)

cmd=${cmd:-$asrser_root/utils/run.sh}
