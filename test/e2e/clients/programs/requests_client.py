import sys

import requests

for url in sys.argv[1:]:
    answer = requests.get(url, timeout=20)
    print(answer.status_code, answer.text)
