#!/usr/bin/env bash
# Say who answers to the names of Kaldi's programs, and with which Python and device the networks run.
#
# Usage: utils/show_setup.sh
# Fails if a program is missing, or comes from another place than the others.
# End options
set -eu -o pipefail
here=$(dirname "$0")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
[ $# -eq 0 ] || die "unexpected argument: $1"

home=$(dirname "$(command -v asrser_nn)")
[ -z "${KALDI_ROOT:-}" ] || home=$KALDI_ROOT
# The programs that the stages call are those that pyproject.toml lists.
sed -n 's/^\([a-z0-9-]*\) = "kaldi_programs\..*/\1/p' "$here/pyproject.toml" | while read -r program; do
  found=$(command -v "$program") || die "$program is missing in $home"
  [[ $found == "$home"/* ]] || die "$program is missing in $home; PATH has another, $found, but the two must not be mixed"
done
echo "Kaldi programs:   $kaldi_provider"
python - <<'END'
from importlib.metadata import version
from platform import python_version

print(f"Python:           {python_version()} with torch {version('torch')}")
END
gpus=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | paste -sd ',') || gpus=
cores=$(env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
echo "Machine:          $cores cores, ${gpus:-no NVIDIA GPU}"
