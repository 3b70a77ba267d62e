"""users - a test that needs accounts, without making any on this machine

become() starts the test again in a mount namespace of its own where
/etc/passwd and /etc/group have the users too.  Needs root; others are told
to skip.  At the end all is gone with the namespace.
"""

import atexit
import os
import subprocess
import sys
import tempfile

# Nobody else's, nor another test's at the same time: some kill all that run
# as their user.
FIRST_UID = 100000 + 10 * os.getpid()


def become(names):
    """{name: (uid, home)}, or None if that can't be had here."""
    if os.geteuid() != 0:
        return None
    if os.environ.get("TEST_USERS") != "ready":
        if subprocess.run(["unshare", "-m", "true"],
                          stderr=subprocess.DEVNULL).returncode:
            return None
        env = dict(os.environ, TEST_USERS="ready")
        os.execvpe("unshare", ["unshare", "-m", "--propagation", "private",
                               sys.executable] + sys.argv, env)
    top = tempfile.mkdtemp(prefix="rohrpost-users-")
    os.chmod(top, 0o755)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none",
                       top]).returncode:
        return None
    atexit.register(leave, top)
    os.makedirs(top + "/home")
    users = {n: (FIRST_UID + i, "%s/home/%s" % (top, n))
             for i, n in enumerate(names)}
    for name, line in (("passwd", "%s:x:%d:%d::%s:/bin/sh\n"),
                       ("group", "%s:x:%d:\n")):
        path = "/etc/" + name
        text = open(path).read()
        for user, (uid, home) in users.items():
            text += line % ((user, uid, uid, home) if name == "passwd"
                            else (user, uid))
        with open(top + "/" + name, "w") as f:
            f.write(text)
        subprocess.run(["mount", "--bind", top + "/" + name, path], check=True)
    for user, (uid, home) in users.items():
        os.mkdir(home, 0o755)
        os.chown(home, uid, uid)
    return users


def leave(top):
    subprocess.run(["umount", "-l", top])
    os.rmdir(top)


def as_user(user, script, background=False):
    """A shell script as that (uid, home)."""
    argv = ["setpriv", "--reuid", str(user[0]), "--regid", str(user[0]),
            "--clear-groups", "sh", "-c", script]
    env = {"PATH": "/usr/bin:/bin", "HOME": user[1]}
    env.update((k, v) for k, v in os.environ.items()
               if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS"))
    if background:
        return subprocess.Popen(argv, env=env, cwd=user[1],
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL,
                                start_new_session=True)
    return subprocess.run(argv, env=env, cwd=user[1], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
