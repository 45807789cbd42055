# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Everything that the other files here define. Sourced, so that each script
# starts with one line.

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=selftests/vm/common.sh
. "$here/common.sh"
# shellcheck source=selftests/vm/host.sh
. "$here/host.sh"
# shellcheck source=selftests/vm/guest.sh
. "$here/guest.sh"
# shellcheck source=selftests/vm/suites.sh
. "$here/suites.sh"
# shellcheck source=selftests/vm/kernels.sh
. "$here/kernels.sh"
# shellcheck source=selftests/vm/module.sh
. "$here/module.sh"
# shellcheck source=selftests/vm/initramfs.sh
. "$here/initramfs.sh"
# shellcheck source=selftests/vm/machine.sh
. "$here/machine.sh"
# shellcheck source=selftests/vm/reports.sh
. "$here/reports.sh"
