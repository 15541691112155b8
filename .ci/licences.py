"""Prints the licences of the crates that are part of the program, with the texts that their authors ask to keep."""

import json
import pathlib
import subprocess

metadata = json.loads(
    subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"], check=True, capture_output=True, text=True).stdout
)
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}

# What the program is built from; not what only its tests and builds use.
found, waiting = set(), [metadata["resolve"]["root"]]
while waiting:
    crate = waiting.pop()
    if crate in found:
        continue
    found.add(crate)
    for needed in nodes[crate]["deps"]:
        if any(kind["kind"] is None for kind in needed["dep_kinds"]):
            waiting.append(needed["pkg"])

texts = {}
for crate in sorted(found, key=lambda crate: (packages[crate]["name"], packages[crate]["version"])):
    package = packages[crate]
    print(f"{package['name']} {package['version']}: {package['license'] or 'see its file'}")
    if crate == metadata["resolve"]["root"]:
        continue
    folder = pathlib.Path(package["manifest_path"]).parent
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name.upper().startswith(("LICENSE", "LICENCE", "NOTICE", "COPYING", "UNLICENSE")):
            text = file.read_text(encoding="utf-8", errors="replace").strip()
            texts.setdefault(text, []).append(package["name"])

for text, names in texts.items():
    print("\n" + "-" * 100 + "\nOf " + ", ".join(sorted(set(names))) + ":\n\n" + text)
