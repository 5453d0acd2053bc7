# The validator of JSON schemas, once a build folder: $modules.
modules=$build/e2e/schemas
if [ ! -f "$modules/done" ]; then
    mkdir -p "$modules"
    cp "$here/schemas/package.json" "$here/schemas/package-lock.json" "$modules/"
    (cd "$modules" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || { echo "npm packages cannot be had"; exit 77; }
    touch "$modules/done"
fi
cp "$here/schemas/check.js" "$modules/"
