# SPDX-License-Identifier: Apache-2.0
# Read by goal and build: what of a folder is the build's own. Only that is ever replaced or removed; the
# folder may be somebody's home. Needs $top and $out, whole paths.
#
# $out/build/NAME/ is ours if the mark lies in it. $out/build/made lists the files that we put into $out
# itself, with their sums: one that was exchanged since is not ours any more.
mark=.vireo-build
header="# Vireo's configuration: change it with 'make menuconfig'."
results='u-boot.bin u-boot.rom vireo.bin vireo.elf vireo.map vireo.rom'
programs='vireo-hosted vireo-tests'

fail() { printf '%s\n' "$*" >&2; exit 1; }

there() { [ -e "$1" ] || [ -L "$1" ]; }

# own FOLDER: makes it ours if it is new or empty.
own() {
    if [ ! -e "$1/$mark" ] && [ -d "$1" ] && [ -n "$(ls -A "$1")" ] && ! is_old_build "$1"; then
        fail "$1 is not of this build, and not empty: move it away, or build elsewhere with O=DIR"
    fi
    mkdir -p "$1" && : >"$1/$mark"
}

# A build folder that was made before there was a mark; those of ./run, ./test and the others
# have such folders inside.
is_old_build() {
    deep=1
    case $1 in "$top"/build/run | "$top"/build/test | "$top"/build/lint | "$top"/build/fuzz | "$top"/build/bench) deep=5 ;; esac
    [ -n "$(find "$1" -maxdepth $deep -name CMakeCache.txt -exec grep -lx 'CMAKE_PROJECT_NAME:STATIC=vireo' {} + 2>/dev/null)" ]
}

is_our_folder() { [ ! -L "$1" ] && [ -d "$1" ] && { [ -f "$1/$mark" ] || is_old_build "$1"; }; }

sum() { sha256sum <"$1" | cut -d' ' -f1; }

# is_our_file NAME: of those in $out.
is_our_file() {
    file=$out/$1
    if [ -L "$file" ]; then
        case $(readlink "$file") in build/*/"$1") return 0 ;; *) return 1 ;; esac
    fi
    [ -f "$file" ] || return 1
    if [ -f "$out/build/made" ]; then
        grep -qxF "$(sum "$file") $1" "$out/build/made" && return 0
    fi
    for built in "$out"/build/*/vireo.*; do # a build that was made before there was a list
        if is_old_build "${built%/*}" && cmp -s "$built" "$file"; then
            made "$file" "$1" # known from now on: the next build makes another one of $built
            return 0
        fi
    done
    return 1
}

# must_be_ours NAME...: before a long build, not after it.
must_be_ours() {
    for name; do
        ! there "$out/$name" || is_our_file "$name" ||
            fail "$out/$name was not made by this build, or was changed since: move it away, or build elsewhere with O=DIR"
    done
}

# made FILE NAME: FILE is about to become $out/NAME.
made() {
    entry="$(sum "$1") $2"
    grep -qxF "$entry" "$out/build/made" 2>/dev/null || printf '%s\n' "$entry" >>"$out/build/made"
}

# put RESULT NAME, link TARGET NAME: into $out.
put() {
    ! cmp -s "$1" "$out/$2" || { made "$1" "$2"; return 0; }
    must_be_ours "$2"
    cp "$1" "${1%/*}/$2.new" # in the build's own folder, in case that this is as far as it comes
    made "$1" "$2"
    mv -f "${1%/*}/$2.new" "$out/$2"
}
link() { must_be_ours "$2"; ln -sfn "$1" "$out/$2"; }

# drop NAME...: removes those that are ours.
drop() {
    for name; do
        if is_our_file "$name"; then rm -f "$out/$name"; fi
    done
}

is_our_config() {
    [ -f "$1" ] && { grep -qxF "$header" "$1" || { grep -q '^CONFIG_ARCH="' "$1" && grep -q '^CONFIG_PROMPT="' "$1"; }; }
}

# What other programs left alone is said, so that a clean that cleans nothing is no riddle.
clean() {
    for name in $results $programs compile_commands.json defconfig; do
        [ "$name" != defconfig ] || [ -n "$1" ] || continue
        if is_our_file "$name"; then
            rm -f "$out/$name"
        elif there "$out/$name"; then
            printf 'left alone, not of this build: %s\n' "$out/$name" >&2
        fi
    done
    if [ -n "$1" ]; then
        for name in .config .config.old; do
            if is_our_config "$out/$name"; then
                rm -f "$out/$name"
            elif there "$out/$name"; then
                printf 'left alone, not of this build: %s\n' "$out/$name" >&2
            fi
        done
    fi
    [ -d "$out/build" ] || return 0
    for folder in "$out"/build/*; do
        if is_our_folder "$folder"; then rm -rf "$folder"; fi
    done
    rm -f "$out/build/made"
    if [ -f "$out/build/$mark" ] && [ "$(ls -A "$out/build")" = "$mark" ]; then
        rm -f "$out/build/$mark"
        rmdir "$out/build"
    fi
}

# own_build_folder: $out/build itself, which is ours to remove only if it was not there before.
own_build_folder() {
    [ -e "$out/build" ] || { mkdir -p "$out/build" && : >"$out/build/$mark"; }
    [ -d "$out/build" ] || fail "$out/build is no folder: move it away, or build elsewhere with O=DIR"
}
