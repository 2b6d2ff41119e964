# SPDX-License-Identifier: Apache-2.0
"""Folders with odd names, and folders with somebody's own files: what works, what is refused, and that nothing else is touched."""
import os
import pathlib
import shlex
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILT = {".git", ".cache", "build", ".config", ".config.old", "compile_commands.json", "defconfig", "u-boot.bin",
         "u-boot.rom", "vireo.bin", "vireo.elf", "vireo.map", "vireo.rom", "vireo-hosted", "vireo-tests"}
WORK = ["My Projects (old)", "a b", "a  b", " a ", "(a)", "a:b", "a,b", "a%b", "100%(x)", "a=b", "a+b", "a@b", "a!b", "a~b", "~", "a{b}", "{}", "-a", "--O=b",
        "aéb", "世界", "a\u00a0b", "a.b", "...", "src", "build", "a (b) c (d)"]
REFUSED = ["a'b", 'a"b', "a`b", "a$b", "a$(touch x)b", "a${HOME}b", "a#b", "a&b", "a && touch x", "a;b", "a; touch x;", "a*b", "*", "a?b", "a<b", "a>b",
           "a|b", "a^b", "a[b", "a]b", "a\\b", "a\nb", "a\tb", "a\x7fb"]
GOALS = [["qemu_arm_defconfig"], [], ["clean"], ["mrproper"], ["savedefconfig"], ["olddefconfig"], ["compile_commands"], ["vireo-hosted"]]


def run(words, cwd, **env):
    """A command as a user gives it; its result with what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIREO_SUPERVISED", "MAKEFLAGS", "O")}
    return subprocess.run(list(map(str, words)), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=900, check=False, env={**environment, **env})


def copy_tree(target):
    """The sources, by hard links."""
    shutil.copytree(TOP, target, symlinks=True, copy_function=os.link, ignore=lambda folder, names: (
        BUILT.intersection(names) if pathlib.Path(folder) == TOP else [name for name in names if name in ("cache", "__pycache__")]))
    return target


def canaries(path):
    """A file beside `path` at each of its prefixes that ends before something odd: what a program that splits the path would hit."""
    text, made = str(path), []
    for end, letter in enumerate(text):
        if not letter.isalnum() and letter not in "/._-" and text[:end] not in ("", "/") and not text[:end].endswith("/"):
            prefix = pathlib.Path(text[:end])
            if not prefix.exists():
                prefix.mkdir(parents=True)
            if prefix.is_dir():
                made.append(prefix / "canary")
    made += [path.parent / "canary", path / "canary"]
    for file in made:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine")
    return made


def snapshot(folder):
    """Everything below a folder: links by where they lead, files by their bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


@pytest.mark.parametrize("name", WORK)
def test_configure_and_clean_touch_only_their_own(name, tmp_path):
    tree = copy_tree(tmp_path / "in" / name / "vireo")
    out = tmp_path / "out" / name / "o"
    # make itself drops blanks at the start
    for folder, words in ((tree, []), (out, [f"O={out}"]), (tree / name, [f"O=./{name}"])):
        kept = canaries(folder)
        before = snapshot(tmp_path)
        assert run(["make", *words, "qemu_arm_defconfig"], tree).returncode == 0
        assert (folder / ".config").is_file()
        # What a build leaves, without its minutes.
        for work in ("build/arm", "build/hosted"):
            (folder / work).mkdir(parents=True)
            (folder / work / ".vireo-build").touch()
            (folder / work / "object.o").write_text("x")
        (folder / "build/.vireo-build").touch()
        assert run(["make", *words, "savedefconfig"], tree).returncode == 0
        result = run(["make", *words, "mrproper"], tree)
        assert result.returncode == 0 and not result.stdout, result.stdout
        assert all(file.read_text() == "mine" for file in kept)
        assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_in_one_line_before_anything_else(name, tmp_path):
    tree = copy_tree(tmp_path / "in" / name / "vireo")
    good = copy_tree(tmp_path / "good")
    out = tmp_path / "out" / name / "o"
    (out / "build" / "arm").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(out)
    canaries(tree)
    canaries(out)
    before = snapshot(tmp_path)
    attempts = [(["make", *goal], tree) for goal in GOALS]
    attempts += [(["make", f"O={folder}", *goal], good) for goal in GOALS for folder in (out, link) if folder != out or "$" not in name]
    attempts += [([tree / program], tmp_path) for program in ("run", "test", "bench", "tests/fuzz/run", "tests/qemu/run", "tools/lint/run")]
    for words, where in attempts:
        result = run(words, where)
        lines = [line for line in result.stdout.splitlines() if not line.startswith("make: ***")]
        assert result.returncode != 0 and len(lines) == 1 and "cannot build below a folder that has" in lines[0], (words, result.stdout)
    # from the environment, with its dollars
    assert run(["make", *GOALS[2]], good, O=str(out)).returncode != 0
    assert snapshot(tmp_path) == before


def test_a_users_own_files_in_the_output_folder_stay(tmp_path):
    """Each name that the build uses, as somebody's own: refused in one line that names it, and nothing is replaced or removed."""
    own = {"build": ["build/mine/file", "build/arm/file"], "config": [".config"], "old": [".config.old"], "defconfig": ["defconfig"],
           "commands": ["compile_commands.json"], "image": ["u-boot.bin", "u-boot.rom", "vireo-hosted"]}
    for what, names in own.items():
        out = tmp_path / what
        for name in names:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text("mine")
        configured = run(["make", f"O={out}", "qemu_arm_defconfig"], TOP)
        assert (configured.returncode == 0) == (what != "config"), configured.stdout
        for goal, refused in (("all", what in ("build", "config", "image")), ("compile_commands", what in ("build", "config", "commands")),
                              ("savedefconfig", what in ("config", "defconfig"))):
            if refused:
                result = run(["make", f"O={out}", goal], TOP)
                lines = [line for line in result.stdout.splitlines() if not line.startswith("make: ***")]
                assert result.returncode != 0 and len(lines) == 1 and str(out) in lines[0], (what, goal, result.stdout)
        for goal in ("clean", "mrproper"):
            assert run(["make", f"O={out}", goal], TOP).returncode == 0
            for name in names:
                assert (out / name).read_text() == "mine", (what, goal, name)


def test_folders_of_the_users_with_our_names_stay(tmp_path):
    """A home folder has a .config of its own; a build folder may be a link to a larger disk."""
    (tmp_path / "home/.config/program").mkdir(parents=True)
    (tmp_path / "home/defconfig").mkdir()
    (tmp_path / "home/u-boot.bin").mkdir()
    (tmp_path / "large/arm").mkdir(parents=True)
    (tmp_path / "large/arm/object.o").write_text("mine")
    (tmp_path / "large/mine").write_text("mine")
    (tmp_path / "home/build").symlink_to(tmp_path / "large")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    before = snapshot(tmp_path)
    for out in (tmp_path / "home", tmp_path / "link", tmp_path / "home" / "..", "/", tmp_path / "nowhere"):
        for goal in ("clean", "mrproper"):
            assert run(["make", f"O={out}", goal], TOP).returncode == 0
    assert run(["make", f"O={tmp_path / 'home'}", "qemu_arm_defconfig"], TOP).returncode != 0
    assert snapshot(tmp_path) == before
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").write_text("mine")
    for name in ("dangling", "file", "file/below"):
        result = run(["make", "-s", f"O={tmp_path / name}", "qemu_arm_defconfig"], TOP)
        assert result.returncode != 0 and str(tmp_path / name) in result.stdout.splitlines()[0], result.stdout


def test_a_folder_that_was_built_before_there_was_a_mark_is_known(tmp_path):
    """By what CMake left there. The results are replaced by new ones, and cleaned."""
    out = tmp_path / "out"
    work = out / "build/arm"
    work.mkdir(parents=True)
    (work / "CMakeCache.txt").write_text("CMAKE_PROJECT_NAME:STATIC=vireo\n")
    for name in (work / "vireo.bin", out / "vireo.bin", out / "u-boot.bin"):
        name.write_text("old")
    (out / "u-boot.rom").write_text("mine")
    script = f'set -eu; top={shlex.quote(str(TOP))}; out={out}; . "$top"/tools/build/folder.sh; own_build_folder; own "$out/build/arm"; must_be_ours u-boot.bin vireo.bin; ' \
             'echo new >"$out/build/arm/vireo.bin"; put "$out/build/arm/vireo.bin" u-boot.bin; drop vireo.bin u-boot.rom'
    result = run(["sh", "-c", script], TOP)
    assert result.returncode == 0, result.stdout
    assert (out / "u-boot.bin").read_text() == "new\n" and not (out / "vireo.bin").exists()
    assert run(["make", f"O={out}", "clean"], TOP).returncode == 0
    assert (out / "u-boot.rom").read_text() == "mine" and not (out / "u-boot.bin").exists() and not work.exists()


def make_board(folder, words, shares=True):
    """A real build. Without precompiled headers, in which paths stand, ccache shares its compiling among folders of the same shape."""
    for goal in ("qemu_arm_defconfig", "all"):
        result = run(["make", *words, goal], folder / "vireo", CCACHE_BASEDIR=str(folder), CCACHE_NOHASHDIR="1", SOURCE_DATE_EPOCH="1790000000",
                     VIREO_COMMIT="x", VIREO_THIRD_PARTY=str(TOP / "third_party/cache"))
        assert result.returncode == 0, result.stdout
        if goal != "all" and shares:
            settings = folder / "vireo/.config"
            settings.write_text(settings.read_text().replace("CONFIG_PRECOMPILED_HEADERS=y", "# CONFIG_PRECOMPILED_HEADERS is not set"))


def check_images(folder, plain):
    for result in ("u-boot.bin", "vireo.elf"):
        assert (folder / result).read_bytes() == (plain / result).read_bytes(), result
    # Nothing is made again, so the dependencies were understood.
    assert "no work to do" in run(["ninja", "-C", folder / "build/arm"], folder).stdout


def test_an_image_built_in_an_odd_folder_is_the_same_byte_by_byte(tmp_path):
    """In the tree and, with precompiled headers, beside it; and after the tree was moved."""
    plain, odd, odder = tmp_path / "plain", tmp_path / "My Projects (old)", tmp_path / "src/net/a:b,c%d=e+f@g!h~i{j} é世"
    for folder in (plain, odd, odder):
        copy_tree(folder / "vireo")
    make_board(plain, [])
    for folder, words, where in ((odd, [], odd / "vireo"), (odder, ["O=../out put"], odder / "out put")):
        kept = canaries(where)
        make_board(folder, words, shares=not words)
        check_images(where, plain / "vireo")
        assert run(["make", *words, "mrproper"], folder / "vireo").returncode == 0
        assert not [path for path in where.iterdir() if path.name in BUILT]
        assert all(file.read_text() == "mine" for file in kept)
    # A tree that is moved builds where it is now; what somebody put there is not replaced.
    moved = plain.rename(tmp_path / "moved here")
    (moved / "vireo/u-boot.bin").write_text("mine")
    result = run(["make"], moved / "vireo")
    assert result.returncode != 0 and "u-boot.bin was not made by this build" in result.stdout
    (moved / "vireo/u-boot.bin").unlink()
    make_board(moved, [])
