import sys

import httpx

with httpx.Client(timeout=20) as client:
    for url in sys.argv[1:]:
        answer = client.get(url)
        print(answer.status_code, answer.text)
