"""world - a test that needs a network of its own, with its own name server

isolate() starts the test again in namespaces where there is nothing but lo,
and names are asked of 127.0.0.1.  Needs root; others are told to skip.
"""

import os
import subprocess
import sys
import tempfile


def isolate(resolver_options):
    """False: that can't be had here.  `resolver_options` is for resolv.conf:
    "timeout:2"."""
    if os.geteuid() != 0:
        return False
    if os.environ.get("TEST_WORLD") != "ready":
        if subprocess.run(["unshare", "-mn", "true"],
                          stderr=subprocess.DEVNULL).returncode:
            return False
        os.execvpe("unshare", ["unshare", "-mn", "--propagation", "private",
                               sys.executable] + sys.argv,
                   dict(os.environ, TEST_WORLD="ready"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.NamedTemporaryFile("w", delete=False) as f:
        f.write("nameserver 127.0.0.1\noptions %s\n" % resolver_options)
    os.chmod(f.name, 0o644)
    path = os.path.realpath("/etc/resolv.conf")
    done = subprocess.run(["mount", "--bind", f.name, path]).returncode == 0
    os.unlink(f.name)
    return done
