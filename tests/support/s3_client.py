#!/usr/bin/env python3
"""A small S3 client that shares no code with the program: what tests prepare stores with and look into them by.

  s3_client.py make-bucket NAME       the store and keys of AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION

Requests are path-style, signed with version 4 (payload included), made once and never again; bodies are in memory."""
import base64
import collections
import datetime
import hashlib
import hmac
import http.client
import os
import ssl
import sys
import urllib.parse
import xml.etree.ElementTree

TIMEOUT_S = 120
Answer = collections.namedtuple("Answer", "status headers body")
Object = collections.namedtuple("Object", "key size etag")
Upload = collections.namedtuple("Upload", "key id")
Part = collections.namedtuple("Part", "number size etag")


class S3Error(Exception):
    def __init__(self, what, answer):
        root = document(answer.body)
        self.status, self.code = answer.status, "" if root is None else root.findtext("Code", "")
        super().__init__("%s: %d %s %s" % (what, self.status, self.code, answer.body[:300]))


def document(body):
    """Without its name space; None when it is no XML."""
    try:
        root = xml.etree.ElementTree.fromstring(body)
    except xml.etree.ElementTree.ParseError:
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def encoded(text, safe=""):
    return urllib.parse.quote(text, safe="-_.~" + safe)


def authorization(method, path, query, headers, keys, region):
    """The header's value. `path` and `query` as they are sent; of the names in `headers`, lower case, all are signed, x-amz-date
    and x-amz-content-sha256 must be there.  AWS, "Signature Calculations for the Authorization Header"."""
    date = headers["x-amz-date"]
    names = ";".join(sorted(headers))
    lines = [method, path, query, *("%s:%s" % (name, headers[name].strip()) for name in sorted(headers)), "", names, headers["x-amz-content-sha256"]]
    scope = "%s/%s/s3/aws4_request" % (date[:8], region)
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    key = ("AWS4" + keys[1]).encode()
    for word in (date[:8], region, "s3", "aws4_request", text):
        key = hmac.digest(key, word.encode(), "sha256")
    return "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s" % (keys[0], scope, names, key.hex())


class S3Client:
    def __init__(self, endpoint, access_key, secret_key, region="us-east-1", ca=None):
        self.url, self.keys, self.region, self.ca = urllib.parse.urlsplit(endpoint), (access_key, secret_key), region, ca

    def connect(self):
        if self.url.scheme == "https":
            return http.client.HTTPSConnection(self.url.netloc, timeout=TIMEOUT_S, context=ssl.create_default_context(cafile=self.ca))
        return http.client.HTTPConnection(self.url.netloc, timeout=TIMEOUT_S)

    def request(self, method, bucket="", key="", query=(), headers=(), body=b"", ok=(200, 204, 206)):
        """An answer; S3Error when its status is not in `ok` (None: whatever it is)."""
        path = "/" + "/".join(filter(None, (bucket, encoded(key, "/"))))
        text = "&".join("%s=%s" % pair for pair in sorted((encoded(name), encoded(str(value))) for name, value in dict(query).items()))
        signed = {"host": self.url.netloc, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
                  "x-amz-date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ"), **{name.lower(): value for name, value in dict(headers).items()}}
        connection = self.connect()
        try:
            connection.request(method, path + ("?" + text if text else ""), body or None,
                               {**signed, "authorization": authorization(method, path, text, signed, self.keys, self.region)})
            response = connection.getresponse()
            answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()
        if ok is not None and answer.status not in ok:
            raise S3Error("%s %s?%s" % (method, path, text), answer)
        return answer

    def make_bucket(self, bucket):
        """Which may be there already, if it is ours."""
        answer = self.request("PUT", bucket, ok=None)
        if answer.status != 200 and not (answer.status == 409 and b"BucketAlreadyOwnedByYou" in answer.body):
            raise S3Error("making the bucket " + bucket, answer)

    def put(self, bucket, key, body, **headers):
        return self.request("PUT", bucket, key, headers=headers, body=body).headers.get("etag", "").strip('"')

    def get(self, bucket, key, begin=0, end=None):
        """Its bytes, all or those of [begin, end)."""
        if begin == 0 and end is None:
            return self.request("GET", bucket, key).body
        return self.request("GET", bucket, key, headers={"range": "bytes=%d-%s" % (begin, "" if end is None else end - 1)}, ok=(206,)).body

    def head(self, bucket, key):
        """An Object, or None."""
        answer = self.request("HEAD", bucket, key, ok=(200, 404))
        if answer.status == 404:
            return None
        return Object(key, int(answer.headers["content-length"]), answer.headers.get("etag", "").strip('"'))

    def objects(self, bucket, prefix="", page=1000):
        """All that begin with `prefix`, in the order of their keys."""
        query, found = {"list-type": 2, "prefix": prefix, "max-keys": page, "encoding-type": "url"}, []
        while True:
            root = document(self.request("GET", bucket, query=query).body)
            found += [Object(urllib.parse.unquote(one.findtext("Key")), int(one.findtext("Size")), one.findtext("ETag", "").strip('"')) for one in root.iter("Contents")]
            if root.findtext("IsTruncated") != "true":
                return found
            query["continuation-token"] = root.findtext("NextContinuationToken")

    def uploads(self, bucket, prefix=""):
        """Those of many parts that are neither completed nor aborted."""
        query, found = {"uploads": "", "prefix": prefix}, []
        while True:
            root = document(self.request("GET", bucket, query=query).body)
            found += [Upload(one.findtext("Key"), one.findtext("UploadId")) for one in root.iter("Upload")]
            if root.findtext("IsTruncated") != "true":
                return found
            query.update({"key-marker": root.findtext("NextKeyMarker"), "upload-id-marker": root.findtext("NextUploadIdMarker")})

    def parts(self, bucket, key, upload_id, page=1000):
        query, found = {"uploadId": upload_id, "max-parts": page}, []
        while True:
            root = document(self.request("GET", bucket, key, query).body)
            found += [Part(int(one.findtext("PartNumber")), int(one.findtext("Size")), one.findtext("ETag", "").strip('"')) for one in root.iter("Part")]
            if root.findtext("IsTruncated") != "true":
                return found
            query["part-number-marker"] = root.findtext("NextPartNumberMarker")

    def begin_upload(self, bucket, key):
        """Its ID."""
        return document(self.request("POST", bucket, key, {"uploads": ""}).body).findtext("UploadId")

    def put_part(self, bucket, key, upload_id, number, body):
        return self.request("PUT", bucket, key, {"uploadId": upload_id, "partNumber": number}, body=body).headers["etag"].strip('"')

    def abort_upload(self, bucket, key, upload_id):
        self.request("DELETE", bucket, key, {"uploadId": upload_id})

    def delete(self, bucket, key):
        self.request("DELETE", bucket, key)

    def put_setting(self, bucket, name, body):
        """A sub-resource of a bucket: policy, lifecycle, versioning, …"""
        checksum = base64.b64encode(hashlib.md5(body).digest()).decode()
        self.request("PUT", bucket, query={name: ""}, headers={"content-md5": checksum}, body=body)

    def empty(self, bucket, prefix=""):
        for upload in self.uploads(bucket, prefix):
            self.abort_upload(bucket, *upload)
        for one in self.objects(bucket, prefix):
            self.delete(bucket, one.key)


def main():
    if len(sys.argv) != 3 or sys.argv[1] != "make-bucket":
        sys.exit(__doc__)
    environment = os.environ
    S3Client(environment["AWS_ENDPOINT_URL"], environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"],
             environment.get("AWS_REGION", "us-east-1")).make_bucket(sys.argv[2])


if __name__ == "__main__":
    main()
