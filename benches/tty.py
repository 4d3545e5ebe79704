#!/usr/bin/env python3
"""What full-screen programs send to a terminal: altdisk beside whiptail and dialog, for the same steps.

Each program runs on a pty of 80x24 with TERM=vt100. Printed are bytes (a byte takes a millisecond at 9600 baud), wake-ups and CPU
while idle, the time from start to the first screen, memory, and the sequences that the terminal's terminfo entry does not have.
With --check the exit code says whether altdisk's figures are within their bounds.

    benches/tty.py [--altdisk target/release/altdisk] [--term vt100] [--runs 5] [--check]

Only Python's standard library is needed; programs that are not installed are left out.
"""

import argparse
import fcntl
import os
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

ROWS, COLUMNS = 24, 80
LABELS = [
    "Clone the Running System", "Install a mksysb Image", "Make a mksysb Image", "Run Single Phases", "Go on After an Interruption",
    "Update or Customize the Alternate", "Clean Up", "Disks and Alternates", "Boot List", "Running and Finished Jobs", "Practice Disks",
    "About and Help",
]
# Lines of altdisk's own top menu.
ITEMS = 13
# What altdisk may need.
BOUNDS = {
    "first screen": 850, "highlight down 1": 65, "marker down 1": 12, "8 keys typed ahead": 130, "type a character": 1,
    "type a character (most)": 8, "one log line": 90, "ten log lines": 650, "idle bytes": 0, "idle wake-ups": 0, "start ms": 15,
    "memory KiB": 8192, "not in terminfo": 0,
}


class Screen:
    """A program on a pty."""

    def __init__(self, argv, term, env=None, speed=None):
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        if speed:
            line = termios.tcgetattr(slave)
            line[4] = line[5] = getattr(termios, f"B{speed}")
            termios.tcsetattr(slave, termios.TCSANOW, line)
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "USER") if name in os.environ}
        self.output = b""
        self.began = time.monotonic()
        self.child = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, close_fds=True,
            env={**kept, "TERM": term, "LC_ALL": "C", **(env or {})},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def read(self, quiet=0.15, most=20.0):
        """What comes until nothing came for `quiet` seconds; (bytes, seconds from now to the last of them)."""
        got, begun = b"", time.monotonic()
        last = begun
        while time.monotonic() - begun < most:
            ready, _, _ = select.select([self.master], [], [], quiet)
            if not ready:
                break
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                break
            if not piece:
                break
            got += piece
            last = time.monotonic()
        self.output += got
        return got, last - begun

    def step(self, keys, quiet=0.15):
        os.write(self.master, keys)
        return len(self.read(quiet)[0])

    def wait_for(self, text, most=15.0):
        begun = time.monotonic()
        while text not in self.output:
            if time.monotonic() - begun > most:
                raise TimeoutError(f"{text!r} did not come: {self.output[-400:]!r}")
            self.read(0.05, 0.2)
        self.read()

    def first(self):
        """Bytes of the first screen, and milliseconds until it was whole."""
        ready, _, _ = select.select([self.master], [], [], 10)
        if not ready:
            return 0, 0.0
        before = time.monotonic() - self.began
        got, after = self.read()
        return len(got), (before + after) * 1000

    def proc(self, name):
        try:
            with open(f"/proc/{self.child.pid}/{name}") as file:
                return file.read()
        except OSError:
            return ""

    def memory(self):
        found = re.search(r"VmRSS:\s+(\d+)", self.proc("status"))
        return int(found.group(1)) if found else 0

    def switches(self):
        total = 0
        try:
            tasks = os.listdir(f"/proc/{self.child.pid}/task")
        except OSError:
            return 0
        for task in tasks:
            found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", self.proc(f"task/{task}/status"), re.M)
            total += int(found.group(1)) if found else 0
        return total

    def idle(self, seconds):
        before = self.switches()
        got, _ = self.read(seconds, seconds)
        return len(got), self.switches() - before

    def end(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.child.pid, number)
            except ProcessLookupError:
                pass
            try:
                self.child.wait(1)
                break
            except subprocess.TimeoutExpired:
                pass
        os.close(self.master)


def foreign(term, output):
    """Sequences in `output` that the terminal's entry does not have, by their shape."""
    done = subprocess.run(["infocmp", "-1", term], capture_output=True, text=True) if shutil.which("infocmp") else None
    if not done or done.returncode:
        return None
    entry = re.sub(r"\$<[^>]*>", "", done.stdout).replace("\\E", "\x1b")
    entry = re.sub(r"%[ip][0-9]?|%d", "", entry)

    def shapes(text):
        found = {f"CSI {private}{last}" if last != "m" else "CSI m"
                 for private, _, last in re.findall(r"\x1b\[(\?[0-9]*)?([0-9;]*)([@-~])", text)}
        return found | {f"ESC {s}" for s in re.findall(r"\x1b([^\[])", text)}

    have = shapes(entry)
    sgr = {n for _, p in re.findall(r"\b(bold|rev|smul|blink|dim|smso|rmso|sgr0|op|rmul)=\x1b\[([0-9;]*)m", entry) for n in (p or "0").split(";")}
    colors = re.search(r"colors#(0x)?(\w+)", entry)
    text = output.decode("latin-1")
    strange = shapes(text) - have
    for parameters in re.findall(r"\x1b\[([0-9;]*)m", text):
        for n in (parameters or "0").split(";"):
            if n not in sgr | {"0"} and not (colors and re.fullmatch(r"[349]?[0-9]|10[0-7]|5|[12]?[0-9]{1,2}", n)):
                strange.add(f"SGR {n}")
    return sorted(strange)


def walk(start, keys, term, labels=len(LABELS)):
    """The figures of a menu: `keys` are Down and Up of this program."""
    result, seen = {}, b""
    screen = start()
    try:
        result["first screen"], result["start ms"] = screen.first()
        # To the last line and back.
        down = [screen.step(keys["down"]) for _ in range(labels - 1)]
        up = [screen.step(keys["up"]) for _ in range(labels - 1)]
        result["highlight down 1"] = statistics.median(down)
        result["highlight up 1"] = statistics.median(up)
        result["8 keys typed ahead"] = screen.step(keys["down"] * 8)
        result["idle bytes"], result["idle wake-ups"] = screen.idle(3)
        result["memory KiB"] = screen.memory()
        seen = screen.output
    finally:
        screen.end()
    strange = foreign(term, seen)
    if strange is not None:
        result["not in terminfo"] = len(strange)
        if strange:
            result["which"] = ", ".join(strange)
    return result


def typing(start, prepare=None):
    screen = start()
    try:
        screen.first()
        if prepare:
            prepare(screen)
        return [screen.step(bytes([c])) for c in b"alternate_rootvg"]
    finally:
        screen.end()


def started(start, runs):
    """Milliseconds to the first screen, the best of some runs: the others were disturbed."""
    all_of_them = []
    for _ in range(runs):
        screen = start()
        try:
            all_of_them.append(screen.first()[1])
        finally:
            screen.end()
    return min(all_of_them)


def whiptail(term, runs):
    tagged = [w for n, label in enumerate(LABELS) for w in (str(n), label)]
    start = lambda: Screen(["whiptail", "--menu", "Choose", "22", "70", str(len(LABELS))] + tagged, term)
    result = walk(start, {"down": b"\x1bOB", "up": b"\x1bOA"}, term)
    typed = typing(lambda: Screen(["whiptail", "--inputbox", "Text", "10", "60"], term))
    return finish(result, typed, start, runs)


def dialog(term, runs):
    tagged = [w for n, label in enumerate(LABELS) for w in (str(n), label)]
    start = lambda: Screen(["dialog", "--menu", "Choose", "22", "70", str(len(LABELS))] + tagged, term)
    result = walk(start, {"down": b"\x1bOB", "up": b"\x1bOA"}, term)
    typed = typing(lambda: Screen(["dialog", "--inputbox", "Text", "10", "60"], term))
    result = finish(result, typed, start, runs)
    for name, count in (("one log line", 1), ("ten log lines", 10)):
        script = log_script(count)
        screen = Screen(["sh", "-c", f"({script}) | dialog --programbox Output 22 76"], term)
        try:
            result[name] = log(screen)
        finally:
            screen.end()
    return result


def finish(result, typed, start, runs):
    result["type a character"] = statistics.median(typed)
    result["type a character (most)"] = max(typed)
    result["start ms"] = started(start, runs)
    return result


def log_script(count):
    """Fills a pane, then prints `count` lines of 60 different characters at a time, a second apart."""
    line = 'printf "%s\\n" "$(printf "%s" "$n$n$n" | sha256sum | cut -c1-60)"'
    return f"n=0; while [ $n -lt 40 ]; do n=$((n+1)); {line}; done; sleep 2; echo READY; " + \
        f"for k in 1 2 3 4 5 6; do sleep 1; b=; for i in $(seq {count}); do n=$((n+1)); b=\"$b$(printf '%s' $n | sha256sum | cut -c1-60)\n\"; done; printf '%s' \"$b\"; done; sleep 1; echo LAST; sleep 1"


def log(screen):
    """The median of what comes for each burst."""
    screen.wait_for(b"READY")
    bursts = []
    while len(bursts) < 5 and screen.child.poll() is None:
        ready, _, _ = select.select([screen.master], [], [], 4)
        if not ready:
            break
        bursts.append(len(screen.read(0.3)[0]))
    return statistics.median(bursts) if bursts else 0


def altdisk(binary, term, runs):
    # The form is that of docs/menus.md; the scripts are files, so that nothing has to be quoted.
    with tempfile.TemporaryDirectory() as home:
        menus = os.path.join(home, "menus")
        os.mkdir(menus)
        for name, count in (("one", 1), ("ten", 10)):
            with open(os.path.join(home, name), "w") as file:
                file.write(log_script(count))
        write_menus(os.path.join(menus, "bench.toml"), home)
        env = {"HOME": home, "ALTDISK_JOBS": os.path.join(home, "jobs")}
        run = lambda *words, **more: Screen([binary, "--menu-dir", menus, *words], term, env, **more)
        top = lambda: Screen([binary], term, env)
        result = walk(top, {"down": b"\x1b[B", "up": b"\x1b[A"}, term, ITEMS)
        slow = walk(lambda: Screen([binary], term, env, speed=9600), {"down": b"\x1b[B", "up": b"\x1b[A"}, term, ITEMS)
        result["marker down 1"] = slow["highlight down 1"]
        result["first screen, serial look"] = slow["first screen"]
        typed = typing(lambda: run("bench_type"))
        finish(result, typed, top, runs)
        for name, words in (("one log line", "bench_one"), ("ten log lines", "bench_ten")):
            screen = run(words)
            try:
                screen.first()
                screen.step(b"\r", 0.4)
                result[name] = log(screen)
            except TimeoutError as late:
                print(f"altdisk, {name}: {late}", file=sys.stderr)
            finally:
                screen.end()
    return result


def write_menus(path, home):
    with open(path, "w") as file:
        file.write(f"""
[[dialog]]
id = "bench_type"
title = "Type Something"
command = ["true"]
help = "Measures typing."

[[dialog.field]]
name = "text"
label = "Text"
kind = "text"
help = "Any text."
""")
        for name in ("one", "ten"):
            file.write(f"""
[[dialog]]
id = "bench_{name}"
title = "Print Lines"
command = ["sh", "{home}/{name}"]
help = "Prints lines."
""")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--altdisk", default="target/release/altdisk", help="the binary (default: %(default)s)")
    parser.add_argument("--term", default="vt100")
    parser.add_argument("--runs", type=int, default=5, help="starts to take the best of")
    parser.add_argument("--check", action="store_true", help="fail if altdisk is over a bound")
    chosen = parser.parse_args()
    columns = {}
    if os.access(chosen.altdisk, os.X_OK):
        columns["altdisk"] = altdisk(os.path.abspath(chosen.altdisk), chosen.term, chosen.runs)
    else:
        print(f"no {chosen.altdisk}: only the others are measured", file=sys.stderr)
    for name, measure in (("whiptail", whiptail), ("dialog", dialog)):
        if shutil.which(name):
            columns[name] = measure(chosen.term, chosen.runs)
        else:
            print(f"{name} is not installed: left out", file=sys.stderr)
    show(columns)
    return over(columns["altdisk"]) if chosen.check and "altdisk" in columns else 0


def show(columns):
    rows = ["first screen", "first screen, serial look", "highlight down 1", "highlight up 1", "marker down 1", "8 keys typed ahead",
            "type a character", "type a character (most)", "one log line", "ten log lines", "idle bytes", "idle wake-ups", "start ms",
            "memory KiB", "not in terminfo"]
    print(f"{'':28}" + "".join(f"{name:>12}" for name in columns) + f"{'bound':>9}" + "".join(f"{'/ ' + n:>12}" for n in columns if n != "altdisk"))
    for row in rows:
        values = [column.get(row) for column in columns.values()]
        if all(v is None for v in values):
            continue
        line = f"{row:28}" + "".join(f"{'-' if v is None else format(v, '.6g') if row != 'start ms' else format(v, '.1f'):>12}" for v in values)
        line += f"{BOUNDS.get(row, ''):>9}"
        own = columns.get("altdisk", {}).get(row)
        for name, column in columns.items():
            if name != "altdisk":
                other = column.get(row)
                line += f"{'-' if not other or own is None else format(own / other, '.2f'):>12}"
        print(line)
    for name, column in columns.items():
        if column.get("which"):
            print(f"{name} sent what the entry does not have: {column['which']}")


def over(figures):
    wrong = [f"{row}: {figures[row]} is more than {most}" for row, most in BOUNDS.items() if figures.get(row, 0) > most]
    missing = [row for row in BOUNDS if row not in figures]
    for line in wrong + [f"{row}: not measured" for row in missing]:
        print(line, file=sys.stderr)
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
