#!/usr/bin/env bash
# Look whether everything that the recipe needs is here and works, and say what to do where it is not.
#
# Usage: utils/doctor.sh [options]
#  e.g.: utils/doctor.sh --timit /corpora/TIMIT --iemocap /corpora/IEMOCAP_full_release
# A line for each finding: OK, note (what could be better, or is worth knowing) or PROBLEM (what must be mended), with the
# remedy. Every program that the stages call is run on a tiny input, for one of that name on PATH may be another's. The exit
# status is 1 if there is a problem, else 0.
#
# Options, given as --name value:
quick=false   # true: only see whether the programs are there; takes no time
dir=          # data, data_fbank and exp lie here, for the disk space; default: this checkout
device=auto   # of the networks: auto, cpu or cuda
cmd=          # how jobs run; unless --quick is true, a test job is sent so
cuda_cmd=     # how the jobs of networks run; the same
timit=        # folder of TIMIT, of its sample or of the demo's speech
iemocap=      # folder of IEMOCAP or of the demo's emotional speech
emodb=        # folder of EmoDB
cremad=       # folder of CREMA-D
ravdess=      # folder of the speech of RAVDESS
savee=        # folder of SAVEE
emovo=        # folder of EMOVO
librispeech=  # folder of LibriSpeech
asr_data=     # folder of your own Kaldi data directories train, dev and test
ser_data=     # your own Kaldi data directory with utt2emotion
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 0 ] || die "unexpected argument: $1; options are given as --name value"

# path.sh and cmd.sh end the script where there is no environment, no Kaldi or no runner: that is a finding like any other.
complaint=$( (. "$here/path.sh" && . "$here/cmd.sh") 2>&1) || {
  echo "PROBLEM  set-up          ${complaint#*: }"
  exit 1
}
. "$here/path.sh"
. "$here/cmd.sh"
# What runs here needs no test job.
[ "$cuda_cmd" != "$cmd" ] || cuda_cmd=
[ "$cmd" != "$short_cmd" ] || cmd=
home=$(dirname "$(command -v asrser_nn)")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python "$here/utils/doctor.py" quick="$quick" dir="${dir:-$here}" device="$device" \
  provider="$kaldi_provider" home="${KALDI_ROOT:-$home}" scratch="$scratch" \
  timit="$timit" iemocap="$iemocap" emodb="$emodb" cremad="$cremad" ravdess="$ravdess" savee="$savee" emovo="$emovo" \
  librispeech="$librispeech" asr-data="$asr_data" ser-data="$ser_data" cmd="$cmd" cuda-cmd="$cuda_cmd"
