"""What scripts do with moxing, for any Python from 3.6 on: ``core_script.py BASE FOLDER``. No pytest here."""

import glob
import json
import multiprocessing
import os
import shutil
import sys
import threading

import moxing as mox
import moxing.pytorch
import moxing.tensorflow as mox_tf
from moxing.framework.file import file_io


def files(base):
    """File in its modes."""
    with mox.file.File(base + "/f/text", "w") as f:
        f.write("1\n2\n")
        f.flush()
        assert mox.file.read(base + "/f/text") == "1\n2\n"
        f.writelines(["3\n"])
    with mox.file.File(base + "/f/text") as f:
        assert [int(line) for line in f] == [1, 2, 3]
    with mox.file.File(base + "/f/text", "a") as f:
        f.write("4")
    with mox.file.File(base + "/f/text", "rb+") as f:
        f.seek(2)
        f.write(b"X")
        f.seek(-1, 2)
        assert f.read() == b"4"
    assert mox.file.read(base + "/f/text", binary=True) == b"1\nX\n3\n4"
    data = os.urandom(11 << 20)
    with mox.file.File(base + "/f/large", "wb") as f:
        f.write(data)
    with mox.file.File(base + "/f/large", "rb") as f:
        assert f.read(5) == data[:5]
        f.seek(1 << 20)
        assert f.read() == data[1 << 20 :]
        assert f.size() == len(data)
    with mox.file.File(base + "/f/json", "w") as f:
        json.dump({"ü": 1}, f, ensure_ascii=False)
    with mox.file.File(base + "/f/json") as f:
        assert json.load(f) == {"ü": 1}
    try:
        mox.file.File(base + "/f/not")
    except mox.file.MoxFileNotExistsException as error:
        assert isinstance(error, FileNotFoundError)
    else:
        raise AssertionError("no exception")


def operations(base):
    """The small functions."""
    mox.file.write(base + "/o/a", "a")
    mox.file.append(base + "/o/a", "b")
    mox.file.make_dirs(base + "/o/d/e")
    mox.file.append_remote(base + "/o/a", base + "/o/d/b")
    assert mox.file.exists(base + "/o/a")
    assert mox.file.is_directory(base + "/o/d")
    assert mox.file.get_size(base + "/o", recursive=True) == 4
    assert mox.file.stat(base + "/o/a").length == 2
    assert sorted(mox.file.list_directory(base + "/o", recursive=True)) == ["a", "d", "d/b", "d/e"]
    assert mox.file.glob(base + "/o/*/b") == [base + "/o/d/b"]
    assert [f for _, _, f in mox.file.walk(base + "/o")][0] == ["a"]
    assert sorted(e.name for e in mox.file.scan_dir(base + "/o")) == ["a", "d"]
    mox.file.rename(base + "/o/a", base + "/o/c")
    mox.file.remove(base + "/o/c")
    mox.file.remove(base + "/o/d", recursive=True)
    assert not mox.file.exists(base + "/o/c")


def copies(base, folder):
    """Trees and files."""
    tree = os.path.join(folder, "tree")
    os.makedirs(os.path.join(tree, "sub dir"))
    for i in range(20):
        with open(os.path.join(tree, "sub dir", str(i)), "wb") as f:
            f.write(os.urandom(1000 * i))
    report = mox.file.copy_parallel(tree, base + "/c")
    assert (report.files, report.bytes) == (20, 190000), report
    assert mox.file.copy_parallel(base + "/c/", folder + "/back").files == 20
    for i in range(20):
        with open(tree + "/sub dir/%d" % i, "rb") as f, open(folder + "/back/sub dir/%d" % i, "rb") as g:
            assert f.read() == g.read()
    assert mox.file.copy_parallel(base + "/nothing", folder + "/nothing").files == 0
    mox.file.copy(base + "/c/sub dir/3", folder + "/three")
    assert os.path.getsize(folder + "/three") == 3000
    file_io._NUMBER_OF_PROCESSES = 1
    file_io.copy_parallel(base + "/c", base + "/c2", file_list=["sub dir/7"], threads=0, is_processing=False)
    assert mox.file.list_directory(base + "/c2/sub dir") == ["7"]


def shifted(base, folder):
    """Python's own functions."""
    mox.file.shift("os", "mox")
    os.makedirs(base + "/s/d")
    with open(base + "/s/x", "w") as f:
        f.write("1")
    with open(base + "/s/x") as f:
        assert f.read() == "1"
    assert sorted(os.listdir(base + "/s")) == ["d", "x"]
    assert os.path.getsize(base + "/s/x") == 1
    assert os.path.isfile(base + "/s/x")
    assert glob.glob(base + "/s/*x") == [base + "/s/x"]
    shutil.copytree(base + "/s", folder + "/s")
    shutil.rmtree(base + "/s")
    assert not os.path.exists(base + "/s")
    shutil.rmtree(folder + "/s")
    mox.file.shift("mox", "os")
    try:
        open(base + "/s/x")
    except FileNotFoundError:
        pass


def in_child(url, expected):
    """What a worker process does."""
    sys.exit(0 if mox.file.read(url) == expected else 1)


def processes(base):
    """Threads, and processes that were forked and that were not."""
    mox.file.write(base + "/p", "shared")
    threads = [threading.Thread(target=mox.file.append, args=(base + "/q", str(i))) for i in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(mox.file.read(base + "/q")) == list("01234")
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        children = [context.Process(target=in_child, args=(base + "/p", "shared")) for _ in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0, method


def names():
    """What is there and what is not."""
    assert mox_tf.file is mox.file
    moxing.pytorch.set_flag("rank", 3)
    assert mox_tf.get_flag("rank") == 3
    try:
        mox_tf.run
    except AttributeError as error:
        assert "not there yet" in str(error)
    else:
        raise AssertionError("no exception")


if __name__ == "__main__":
    names()
    files(sys.argv[1])
    operations(sys.argv[1])
    copies(sys.argv[1], sys.argv[2])
    shifted(sys.argv[1], sys.argv[2])
    processes(sys.argv[1])
    print("all well on", sys.version.split()[0])
