#!/usr/bin/env python3
"""chat - the conversations of tests/*/*.chat, several at a time

chat.t [FILE...] plays those files only.
"""

import concurrent.futures
import glob
import os
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
from chat import Chat
from instance import Tap

tap = Tap()
chats = [Chat(p) for p in sys.argv[1:] or
         sorted(glob.glob(TESTS + "/*/*.chat"))]
with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:
    for chat, trouble in zip(chats, pool.map(Chat.play, chats)):
        tap.ok(trouble is None, chat.title, trouble or "")
sys.exit(tap.end())
