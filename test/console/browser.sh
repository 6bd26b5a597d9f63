#!/usr/bin/env bash
# Prints where Chromium or Chrome is, and installs Debian's where there is none:
# the browsers that playwright would download come from a host that not every
# machine reaches.
set -euo pipefail
find_browser() {
	for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome-stable google-chrome; do
		if [ -n "$name" ] && command -v "$name"; then return 0; fi
	done
	return 1
}
if ! find_browser; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo 'installing Chromium, which the tests of the console need' >&2
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core; } >&2
		find_browser
	else
		echo 'the tests of the console need Chromium or Chrome: install it, or set CHROMIUM to its path' >&2
		exit 1
	fi
fi
