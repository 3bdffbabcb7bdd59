#!/bin/sh
# Build a release: build.sh SOURCE TARGET. TARGET gets app/ (the product), venv/ (Python and its packages) and static/.
# Needs Python 3.11 or newer with venv, and a package index that pip reaches. The Containerfile runs it as well.
set -eu
source=$1 target=$2

if [ -e "$target" ]; then
    echo "$target is there already: a release is built into a new folder." >&2
    exit 1
fi
mkdir -p "$target/app"
for part in config core loyalty ratingslips templates docs manage.py pyproject.toml; do
    cp -R "$source/$part" "$target/app/"
done
rm -rf "$target/app/config/demo/data" "$target/app/docs/pictures"
find "$target/app" -name __pycache__ -prune -exec rm -rf {} +

python3 -m venv "$target/venv"
"$target/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$source/config/requirements.txt"

# The addresses and keys are only for this command, which needs none.
cd "$target/app"
DJANGO_SETTINGS_MODULE=config.settings ENVIRONMENT=production SECRET_KEY=none REQUEST_KEYS=none DATABASE_URL=postgres://none@localhost/none \
    ALLOWED_HOSTS=none STATIC_ROOT="$target/static" LOG_LEVEL=WARNING \
    "$target/venv/bin/python" manage.py collectstatic --no-input --verbosity 0
"$target/venv/bin/python" -m compileall -q .
