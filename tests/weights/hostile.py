"""A process that reads hostile `.pdparams` files under a limit of memory and watches what reading does.

`python hostile.py FOLDER`: prints one line of JSON per file, {"name", "refused" or null}; ends with status 1 where reading did
anything but read.
"""

import json
import resource
import sys
from pathlib import Path

from ppocr_like.errors import WeightsError
from ppocr_like.weights import load_weights

ROOM = 300_000_000  # bytes of memory beside what the libraries hold
WATCHED = (
    "os.",
    "subprocess.",
    "socket.",
    "exec",
    "compile",
    "import",
    "shutil.",
    "ctypes.",
    "pickle.find_class",
    "builtins.input",
)
HARMLESS = ("os.listdir", "os.scandir")


def main(folder: Path) -> None:
    files = sorted(folder.glob("*.pdparams"))
    for file in files[:1]:  # whatever reading imports lazily
        _read(file)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + ROOM, held + ROOM))
    seen: list[str] = []
    watching = False

    def watch(event: str, arguments: tuple) -> None:
        write = event == "open" and any(letter in str(arguments[1]) for letter in "wax+")
        if watching and (write or event.startswith(WATCHED)) and event not in HARMLESS:
            seen.append(f"{event} {arguments!r:.200}")

    sys.addaudithook(watch)
    for file in files:
        watching = True
        refused = _read(file)
        watching = False
        print(json.dumps({"name": file.stem, "refused": refused}))
    if seen:
        sys.exit(f"reading did more than reading: {seen}")


def _read(file: Path) -> str | None:
    try:
        load_weights(file)
    except WeightsError as error:
        return str(error)
    return None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
