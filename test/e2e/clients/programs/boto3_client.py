import sys

import boto3
from botocore.config import Config

for url in sys.argv[1:]:
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=url, config=config, **keys)
    s3.put_object(Bucket="bucket", Key="object", Body=b"x" * 1_000_000)
    print(s3.get_object(Bucket="bucket", Key="greeting")["Body"].read().decode())
