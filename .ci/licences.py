"""Prints the licences of the crates that the program is built from on this platform, with the texts that their authors ask to keep."""

import json
import pathlib
import subprocess


def said_by(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


host = next(line.removeprefix("host: ") for line in said_by("rustc", "-vV").splitlines() if line.startswith("host: "))
metadata = json.loads(said_by("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host))
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
without_text = []
for crate in sorted(found, key=lambda crate: (packages[crate]["name"], packages[crate]["version"])):
    package = packages[crate]
    print(f"{package['name']} {package['version']}: {package['license'] or 'see its file'}")
    if crate == metadata["resolve"]["root"]:
        continue
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [file for file in sorted(folder.iterdir()) if file.is_file()]
    files = [file for file in files if file.name.upper().startswith(("LICENSE", "LICENCE", "NOTICE", "COPYING", "UNLICENSE"))]
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace").strip()
        texts.setdefault(text, []).append(package["name"])
    if not files:
        without_text.append(package)

if without_text:
    print("\nThese crates come without a copy of their licence:")
for package in without_text:
    authors = ", ".join(package["authors"]) or "its contributors"
    print(f"{package['name']} {package['version']}: by {authors}, {package['repository'] or package['homepage'] or 'crates.io'}")

for text, names in texts.items():
    print("\n" + "-" * 100 + "\nOf " + ", ".join(sorted(set(names))) + ":\n\n" + text)
