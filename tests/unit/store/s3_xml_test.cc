#include "store/s3_xml.h"

#include "support/expect.h"

using namespace agent;
using tape::ErrorKind;
using tape::failed;

namespace {

// As AWS documents them, and as Ceph RGW 16.2 and Swift 2.30 sent them.
const std::string kAwsList =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix>p/</Prefix>)"
    R"(<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken>)"
    R"(<KeyCount>3</KeyCount><MaxKeys>2</MaxKeys><EncodingType>url</EncodingType>)"
    R"(<IsTruncated>true</IsTruncated><Contents><Key>p/a+b%2Bc</Key>)"
    R"(<LastModified>2026-01-02T03:04:05.000Z</LastModified>)"
    R"(<ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag><ChecksumType>FULL_OBJECT</ChecksumType>)"
    R"(<Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>)"
    R"(<Contents><Key>p/%C3%A9%3C%26%3E%22x%0A</Key>)"
    R"(<LastModified>2026-01-02T03:04:05.000Z</LastModified>)"
    R"(<ETag>&quot;0c62823571cff39c8dddcc6a74e2569f-2&quot;</ETag><Size>5497558138880</Size>)"
    R"(<StorageClass>GLACIER</StorageClass></Contents>)"
    R"(<CommonPrefixes><Prefix>p/d+%2541/</Prefix></CommonPrefixes></ListBucketResult>)";
const std::string kRgwList =
    R"(<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)"
    R"(<EncodingType>url</EncodingType><Name>bbb</Name><Prefix></Prefix><MaxKeys>2</MaxKeys>)"
    R"(<IsTruncated>true</IsTruncated><Contents><Key>a%20b%2Bc</Key>)"
    R"(<LastModified>2026-11-25T04:04:19.012Z</LastModified>)"
    R"(<ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag><Size>5</Size>)"
    R"(<StorageClass>STANDARD</StorageClass><Type>Normal</Type></Contents>)"
    R"(<Contents><Key>dir%2F%C3%A9%3C%26%3E%22x</Key><LastModified>2026-11-25T04:04:19.016Z</LastModified>)"
    R"(<ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag><Size>5</Size>)"
    R"(<StorageClass>STANDARD</StorageClass><Type>Normal</Type></Contents>)"
    "<NextContinuationToken>dir/\xC3\xA9&lt;&amp;&gt;&quot;x%41+</NextContinuationToken>"
    R"(<KeyCount>2</KeyCount></ListBucketResult>)";
const std::string kSwiftList =
    R"(<?xml version='1.0' encoding='UTF-8'?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bbb</Name><Prefix/><KeyCount>1</KeyCount>)"
    R"(<MaxKeys>2</MaxKeys><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>)"
    R"(<Contents><Key>dir/%C3%A9%3C%26%3E%22x</Key><LastModified>2026-11-25T04:04:20.000Z</LastModified>)"
    R"(<ETag>"5d41402abc4b2a76b9719d911017c592"</ETag><Size>5</Size>)"
    R"(<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>)";
const std::string kAwsUpload =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>bucket</Bucket>)"
    R"(<Key>up x</Key><UploadId>VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA</UploadId>)"
    R"(</InitiateMultipartUploadResult>)";
const std::string kRgwParts =
    R"(<?xml version="1.0" encoding="UTF-8"?><ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)"
    R"(<Bucket>bbb</Bucket><Key>up x</Key><UploadId>2~rNxOK-lpw2vjPznpx0-Naq8ozgpsWYy</UploadId>)"
    R"(<StorageClass>STANDARD</StorageClass><PartNumberMarker>0</PartNumberMarker>)"
    R"(<NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>2</MaxParts><IsTruncated>true</IsTruncated>)"
    R"(<Owner><ID></ID><DisplayName></DisplayName></Owner><Part><LastModified>2026-11-25T04:04:19.113Z</LastModified>)"
    R"(<PartNumber>1</PartNumber><ETag>&quot;4f08eef4096726bff1125e1b1b734644&quot;</ETag><Size>5242880</Size></Part>)"
    R"(<Part><LastModified>2026-11-25T04:04:19.121Z</LastModified><PartNumber>2</PartNumber>)"
    R"(<ETag>&quot;415290769594460e2e485922904f345d&quot;</ETag><Size>1</Size></Part></ListPartsResult>)";
const std::string kAwsUploads =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>bucket</Bucket><KeyMarker/>)"
    R"(<UploadIdMarker/><NextKeyMarker>b+%2B</NextKeyMarker><NextUploadIdMarker>two</NextUploadIdMarker>)"
    R"(<EncodingType>url</EncodingType><MaxUploads>2</MaxUploads><IsTruncated>true</IsTruncated>)"
    R"(<Upload><Key>a</Key><UploadId>one</UploadId><Initiator><ID>arn:aws:iam::111122223333:user/u</ID>)"
    R"(<DisplayName>u</DisplayName></Initiator><Owner><ID>75aa57f0</ID><DisplayName>o</DisplayName></Owner>)"
    R"(<StorageClass>STANDARD</StorageClass><Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload>)"
    R"(<Upload><Key>b+%2B</Key><UploadId>two</UploadId><StorageClass>STANDARD</StorageClass>)"
    R"(<Initiated>2010-11-10T20:48:34Z</Initiated></Upload></ListMultipartUploadsResult>)";
// Encodes keys, but neither says so nor encodes the marker.
const std::string kRgwUploads =
    R"(<?xml version="1.0" encoding="UTF-8"?><ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)"
    R"(<Bucket>bbb</Bucket><NextKeyMarker>other+</NextKeyMarker>)"
    R"(<NextUploadIdMarker>2~rvdSeHO5Oki7Q5lPiHRZ-z_cLg8bbcb</NextUploadIdMarker><MaxUploads>1</MaxUploads>)"
    R"(<IsTruncated>true</IsTruncated><Upload><Key>other%2B</Key><UploadId>2~rvdSeHO5Oki7Q5lPiHRZ-z_cLg8bbcb</UploadId>)"
    R"(<Initiator><ID>test</ID><DisplayName>test</DisplayName></Initiator><Owner><ID>test</ID>)"
    R"(<DisplayName>test</DisplayName></Owner><StorageClass>STANDARD</StorageClass>)"
    R"(<Initiated>2026-11-25T04:04:19.126Z</Initiated></Upload></ListMultipartUploadsResult>)";
// Encodes keys and says so, but the marker is as it is, or none at all for a page of one.
const std::string kSwiftUploads =
    R"(<?xml version='1.0' encoding='UTF-8'?>
<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>bbb</Bucket><KeyMarker></KeyMarker>)"
    R"(<UploadIdMarker></UploadIdMarker><NextKeyMarker>50%+</NextKeyMarker><NextUploadIdMarker>YjMz</NextUploadIdMarker>)"
    R"(<Prefix></Prefix><MaxUploads>1</MaxUploads><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>)"
    R"(<Upload><Key>50%25%2B</Key><UploadId>YjMz</UploadId><Initiator><ID>test:tester</ID></Initiator>)"
    R"(<Initiated>2026-11-25T04:04:20.000Z</Initiated></Upload></ListMultipartUploadsResult>)";
const std::string kAwsDelete =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Deleted><Key>a</Key></Deleted>)"
    R"(<Error><Key>b&amp;</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>)"
    R"(<Error><Key>c</Key><VersionId>v</VersionId><Code>InternalError</Code>)"
    R"(<Message>We encountered an internal error. Please try again.</Message></Error></DeleteResult>)";
const std::string kAwsLifecycle =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>1</ID><Filter><Prefix>p/</Prefix></Filter>)"
    R"(<Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>)"
    R"(</AbortIncompleteMultipartUpload></Rule><Rule><Prefix>old/</Prefix><Status>Enabled</Status>)"
    R"(<Expiration><Days>365</Days></Expiration></Rule><Rule><Filter><And><Prefix>q/</Prefix>)"
    R"(<Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><Status>Enabled</Status>)"
    R"(<Expiration><Date>2027-01-01T00:00:00.000Z</Date></Expiration></Rule>)"
    R"(<Rule><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>)";
const std::string kAwsError =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region )"
    R"('us-east-1' is wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region>)"
    R"(<RequestId>4442587FB7D0A2F9</RequestId><HostId>host</HostId></Error>)";

// What every reader makes of a document.
void read_all_ways(tape::ByteView bytes) {
  static_cast<void>(failure_in(bytes));
  const std::function<void()> readers[] = {
      [&] { static_cast<void>(parse_list(bytes)); },
      [&] { static_cast<void>(parse_upload_id(bytes)); },
      [&] { static_cast<void>(parse_parts(bytes)); },
      [&] { static_cast<void>(parse_uploads(bytes)); },
      [&] { static_cast<void>(parse_lifecycle(bytes)); },
      [&] { static_cast<void>(parse_delete_failures(bytes)); },
  };
  for (const auto& reader : readers) {
    const auto failure = tape::failure_of(reader);
    if (!failure || failure->kind() == ErrorKind::corrupt) continue;
    INFO(failure->what());
    CHECK(failure->kind() == ErrorKind::corrupt);
  }
}

const std::string* const kDocuments[] = {&kAwsList,   &kRgwList,      &kSwiftList,  &kAwsUpload,
                                         &kRgwParts,  &kAwsUploads,   &kRgwUploads, &kSwiftUploads,
                                         &kAwsDelete, &kAwsLifecycle, &kAwsError};

template <class Reader>
auto of(Reader reader, const std::string& text) {
  return reader(tape::as_bytes(text));
}

std::string replaced(std::string text, std::string_view was, std::string_view is) {
  for (std::size_t at = 0; (at = text.find(was, at)) != std::string::npos; at += is.size())
    text.replace(at, was.size(), is);
  return text;
}

ErrorKind kind_of_list(const std::string& text) {
  return failed([&] { return of(parse_list, text); }).kind();
}

}  // namespace

TEST_CASE("s3_xml: a list of AWS has keys, sizes, ETags, folders and the next page") {
  const ListPage page = of(parse_list, kAwsList);
  REQUIRE(page.objects.size() == 2);
  CHECK(page.objects[0].key == "p/a b+c");
  CHECK(page.objects[0].size == 5);
  CHECK(page.objects[0].etag == "5d41402abc4b2a76b9719d911017c592");
  CHECK(page.objects[1].key == "p/\xC3\xA9<&>\"x\n");
  CHECK(page.objects[1].size == 5'497'558'138'880);
  CHECK(page.objects[1].etag == "0c62823571cff39c8dddcc6a74e2569f-2");
  CHECK(page.folders == std::vector<std::string>{"p/d %41/"});
  CHECK(page.next == "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
}

TEST_CASE("s3_xml: lists of RGW and Swift are read, and a token is no key to decode") {
  const ListPage rgw = of(parse_list, kRgwList);
  REQUIRE(rgw.objects.size() == 2);
  CHECK(rgw.objects[0].key == "a b+c");
  CHECK(rgw.objects[1].key == "dir/\xC3\xA9<&>\"x");
  CHECK(rgw.next == "dir/\xC3\xA9<&>\"x%41+");
  const ListPage swift = of(parse_list, kSwiftList);
  REQUIRE(swift.objects.size() == 1);
  CHECK(swift.objects[0].key == "dir/\xC3\xA9<&>\"x");
  CHECK(swift.objects[0].etag == "5d41402abc4b2a76b9719d911017c592");
  CHECK(swift.next.empty());
}

TEST_CASE("s3_xml: keys that a store did not encode are as they are") {
  const ListPage page = of(parse_list,
                           "<ListBucketResult><Contents><Key> a+b%2Bc%zz </Key><Size>1</Size>"
                           "</Contents><CommonPrefixes><Prefix>a+%/</Prefix></CommonPrefixes>"
                           "</ListBucketResult>");
  REQUIRE(page.objects.size() == 1);
  CHECK(page.objects[0].key == " a+b%2Bc%zz ");
  CHECK(page.objects[0].etag.empty());
  CHECK(page.folders == std::vector<std::string>{"a+%/"});
}

TEST_CASE("s3_xml: elements may have any prefix, or none, and any namespace") {
  const char* const documents[] = {
      "<ListBucketResult><Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>",
      "<s3:ListBucketResult xmlns:s3='x'><s3:Contents><s3:Key>k</s3:Key><s3:Size>1</s3:Size>"
      "</s3:Contents></s3:ListBucketResult>",
      "<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>\n  <Contents>\n"
      "    <Key>k</Key>\n    <Size>1</Size>\n  </Contents>\n</ListBucketResult>\n",
      "<ListBucketResult><!-- a --><Contents><Key><![CDATA[k]]></Key><Size>&#49;</Size></Contents>"
      "<?b c?></ListBucketResult>",
      // White space keeps a connection open while a store works.
      " \r\n\n <?xml version='1.0'?>  <ListBucketResult><Contents><Key>k</Key><Size>1</Size>"
      "</Contents></ListBucketResult>",
  };
  for (const char* document : documents) {
    INFO(document);
    const ListPage page = of(parse_list, document);
    REQUIRE(page.objects.size() == 1);
    CHECK(page.objects[0].key == "k");
    CHECK(page.objects[0].size == 1);
  }
}

TEST_CASE("s3_xml: what is not as it should be is corrupt") {
  const auto with = [](const std::string& content) {
    return "<ListBucketResult>" + content + "</ListBucketResult>";
  };
  const std::string bad[] = {
      "",
      " \n",
      "text",
      "<Error/>",
      "<listbucketresult/>",
      with("") + "<a/>",
      with("<a>"),
      with("&undefined;"),
      with("&#1;"),
      with("\xFF"),
      with(std::string("\0", 1)),
      with("<Contents><Key>k</Key></Contents>"),
      with("<Contents><Key>k</Key><Size></Size></Contents>"),
      with("<Contents><Key>k</Key><Size>-1</Size></Contents>"),
      with("<Contents><Key>k</Key><Size>1 </Size></Contents>"),
      with("<Contents><Key>k</Key><Size>0x1</Size></Contents>"),
      with("<Contents><Key>k</Key><Size>18446744073709551616</Size></Contents>"),
      with("<Contents><Key>k</Key><Size>18446744073709551615</Size></Contents>"),
      with("<IsTruncated>true</IsTruncated>"),
      with("<EncodingType>url</EncodingType><Contents><Key>%</Key><Size>1</Size></Contents>"),
      with("<EncodingType>url</EncodingType><Contents><Key>%4</Key><Size>1</Size></Contents>"),
      with("<EncodingType>url</EncodingType><Contents><Key>%4x</Key><Size>1</Size></Contents>"),
      with("<EncodingType>url</EncodingType><Contents><Key>%-1</Key><Size>1</Size></Contents>"),
      with("<EncodingType>url</EncodingType><Contents><Key>%+1</Key><Size>1</Size></Contents>"),
  };
  for (const std::string& document : bad) {
    INFO(document);
    CHECK(kind_of_list(document) == ErrorKind::corrupt);
  }
  CHECK(of(parse_list, with("")).objects.empty());
}

TEST_CASE("s3_xml: a document type is refused, and what it would define") {
  const char* const documents[] = {
      "<!DOCTYPE ListBucketResult><ListBucketResult/>",
      "<!DOCTYPE a [<!ENTITY b 'c'>]><ListBucketResult>&b;</ListBucketResult>",
      "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><ListBucketResult/>",
      "<!DOCTYPE a [<!ENTITY b SYSTEM "
      "'file:///etc/passwd'>]><ListBucketResult>&b;</ListBucketResult>",
      "<!DOCTYPE a [<!ENTITY % b SYSTEM 'http://127.0.0.1:1/'> %b;]><ListBucketResult/>",
      "<!DOCTYPE a [<!ENTITY b '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY c "
      "'cccccccccccccccccccc'>]>"
      "<ListBucketResult>&b;</ListBucketResult>",
  };
  for (const char* document : documents) {
    INFO(document);
    CHECK(kind_of_list(document) == ErrorKind::corrupt);
    CHECK_FALSE(of(failure_in, document));
  }
}

TEST_CASE("s3_xml: elements may be 16 deep, and one more is corrupt") {
  const auto nested = [](int depth) {
    std::string out = "<ListBucketResult>";
    for (int i = 1; i < depth; ++i)
      out += "<a>";
    for (int i = 1; i < depth; ++i)
      out += "</a>";
    return out + "</ListBucketResult>";
  };
  CHECK(of(parse_list, nested(16)).objects.empty());
  CHECK(kind_of_list(nested(17)) == ErrorKind::corrupt);
  CHECK(kind_of_list(nested(100'000)) == ErrorKind::corrupt);
}

TEST_CASE("s3_xml: there may be 64 Ki elements, and one more is corrupt") {
  const auto wide = [](std::size_t count) {
    std::string out = "<ListBucketResult>";
    for (std::size_t i = 1; i < count; ++i)
      out += "<a/>";
    return out + "</ListBucketResult>";
  };
  CHECK(of(parse_list, wide(65'536)).objects.empty());
  CHECK(kind_of_list(wide(65'537)) == ErrorKind::corrupt);
}

TEST_CASE("s3_xml: documents cut anywhere or with any byte changed are read or corrupt") {
  for (const std::string* document : kDocuments) {
    INFO(document->substr(0, 200));
    for (std::size_t size = 0; size < document->size(); ++size)
      read_all_ways(tape::as_bytes(*document).first(size));
    std::string changed = *document;
    for (std::size_t at = 0; at < changed.size(); ++at) {
      for (const int mask : {0x01, 0x20, 0x80, 0xFF}) {
        changed[at] = static_cast<char>((*document)[at] ^ mask);
        read_all_ways(tape::as_bytes(changed));
      }
      changed[at] = (*document)[at];
    }
  }
}

TEST_CASE("s3_xml: a document that was cut is none") {
  for (const std::string* document : kDocuments) {
    for (std::size_t size = 0; size < document->size(); ++size)
      CHECK_FALSE(failure_in(tape::as_bytes(*document).first(size)));
  }
  for (std::size_t size = 0; size < kAwsDelete.size(); ++size) {
    CHECK(failed([&] { return of(parse_delete_failures, kAwsDelete.substr(0, size)); }).kind() ==
          ErrorKind::corrupt);
    CHECK(kind_of_list(kAwsList.substr(0, std::min(size, kAwsList.size() - 1))) ==
          ErrorKind::corrupt);
  }
}

TEST_CASE("s3_xml: an upload has a name") {
  CHECK(of(parse_upload_id, kAwsUpload) ==
        "VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA");
  for (const char* document :
       {"<InitiateMultipartUploadResult/>",
        "<InitiateMultipartUploadResult><UploadId/></InitiateMultipartUploadResult>",
        "<Other><UploadId>x</UploadId></Other>"})
    CHECK(failed([&] { return of(parse_upload_id, document); }).kind() == ErrorKind::corrupt);
}

TEST_CASE("s3_xml: parts have numbers of parts, and a last page has no next") {
  const PartsPage page = of(parse_parts, kRgwParts);
  REQUIRE(page.parts.size() == 2);
  CHECK(page.parts[0].number == 1);
  CHECK(page.parts[0].size == 5'242'880);
  CHECK(page.parts[0].etag == "4f08eef4096726bff1125e1b1b734644");
  CHECK(page.parts[1].number == 2);
  CHECK(page.next == 2u);
  std::string last = kRgwParts;
  last.replace(last.find(">true<"), 6, ">false<");
  CHECK_FALSE(of(parse_parts, last).next);
  const auto with_number = [](const std::string& number) {
    return "<ListPartsResult><Part><PartNumber>" + number +
           "</PartNumber><Size>1</Size></Part></ListPartsResult>";
  };
  CHECK(of(parse_parts, with_number("10000")).parts[0].number == 10'000);
  for (const char* number : {"0", "10001", "4294967297", "-1", "", "x"}) {
    INFO(number);
    CHECK(failed([&] { return of(parse_parts, with_number(number)); }).kind() ==
          ErrorKind::corrupt);
  }
  for (const char* next : {"", "4294967298", "x"}) {
    INFO(next);
    const std::string document = std::string("<ListPartsResult><IsTruncated>true</IsTruncated>") +
                                 "<NextPartNumberMarker>" + next +
                                 "</NextPartNumberMarker></ListPartsResult>";
    CHECK(failed([&] { return of(parse_parts, document); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE(
    "s3_xml: uploads have keys, names and times, and the last of a page is where it goes on") {
  const UploadsPage aws = of(parse_uploads, kAwsUploads);
  REQUIRE(aws.uploads.size() == 2);
  CHECK(aws.is_encoded);
  CHECK(aws.uploads[0].key == "a");
  CHECK(aws.uploads[0].upload == "one");
  CHECK(aws.uploads[0].begun == 1'289'422'113);
  CHECK(aws.uploads[1].key == "b +");
  CHECK(aws.uploads[1].begun == 1'289'422'114);
  CHECK(aws.more);
  CHECK(aws.next_key == "b +");
  CHECK(aws.next_upload == "two");
  const UploadsPage swift = of(parse_uploads, kSwiftUploads);
  CHECK(swift.is_encoded);
  CHECK(swift.uploads[0].key == "50%+");
  CHECK(swift.next_key == "50%+");
  CHECK(swift.next_upload == "YjMz");
  CHECK_FALSE(of(parse_uploads, kRgwUploads).is_encoded);
}

TEST_CASE("s3_xml: a page without uploads goes on where it says") {
  const UploadsPage page = of(
      parse_uploads,
      "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextKeyMarker>k+%2B</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>"
      "</ListMultipartUploadsResult>");
  CHECK(page.uploads.empty());
  CHECK(page.more);
  CHECK(page.next_key == "k +");
  CHECK(page.next_upload == "u");
}

TEST_CASE("s3_xml: a time that is none is corrupt") {
  for (const char* time : {"", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "1767225600"}) {
    INFO(time);
    const std::string document =
        std::string("<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId>") +
        "<Initiated>" + time + "</Initiated></Upload></ListMultipartUploadsResult>";
    CHECK(failed([&] { return of(parse_uploads, document); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE(
    "s3_xml: of a lifecycle the rules that are enabled count, in each way to write a prefix") {
  const auto rules = of(parse_lifecycle, kAwsLifecycle);
  // The third is of objects with a tag: ours need not be among them.
  REQUIRE(rules.size() == 2);
  CHECK(rules[0].prefix == "p/");
  CHECK(rules[0].abort_uploads_days == 7u);
  CHECK_FALSE(rules[0].expire_days);
  CHECK(rules[1].prefix == "old/");
  CHECK(rules[1].expire_days == 365u);
  const auto dated = of(parse_lifecycle,
                        "<LifecycleConfiguration><Rule><Prefix>q/</Prefix><Status>Enabled</Status>"
                        "<Expiration><Date>2030-01-01</Date></Expiration></Rule>"
                        "</LifecycleConfiguration>");
  REQUIRE(dated.size() == 1);
  CHECK(dated[0].expire_days == 0u);
}

TEST_CASE("s3_xml: what could not be deleted is told with its reason") {
  const auto failures = of(parse_delete_failures, kAwsDelete);
  REQUIRE(failures.size() == 2);
  CHECK(failures[0].key == "b&");
  CHECK(failures[0].code == "AccessDenied");
  CHECK(failures[0].message == "Access Denied");
  CHECK(failures[1].code == "InternalError");
  CHECK(of(parse_delete_failures, "<DeleteResult xmlns='x'></DeleteResult>").empty());
}

TEST_CASE("s3_xml: an error is found in a document of that kind, and in no other") {
  const auto failure = of(failure_in, kAwsError);
  REQUIRE(failure);
  CHECK(failure->code == "AuthorizationHeaderMalformed");
  CHECK(failure->region == "eu-west-1");
  CHECK(failure->message.starts_with("The authorization header is malformed"));
  CHECK(of(failure_in, "<Error><Code>SlowDown</Code><Message></Message></Error>")->code ==
        "SlowDown");
  CHECK(of(failure_in, "\n \n<?xml version='1.0'?>\n<Error><Code>InternalError</Code></Error>")
            ->code == "InternalError");
  CHECK(of(failure_in, "<Error/>")->code.empty());
  for (const std::string& document :
       {std::string(), std::string("not XML"), kAwsDelete,
        std::string("<html><body>Bad Gateway</body></html>"),
        std::string("<CompleteMultipartUploadResult><Error/></CompleteMultipartUploadResult>")}) {
    INFO(document);
    CHECK_FALSE(of(failure_in, document));
  }
}

TEST_CASE("s3_xml: what is sent is XML, whatever is in it") {
  const std::string odd = "a&b<c>d\"e'f]]>\xC3\xA9 \xF0\x9F\x93\xBC";
  const std::string sent = delete_document({odd, "plain"});
  CHECK(sent.find(
            "<Object><Key>a&amp;b&lt;c&gt;d&quot;e'f]]&gt;\xC3\xA9 \xF0\x9F\x93\xBC</Key></Object>"
            "<Object><Key>plain</Key></Object>") != std::string::npos);
  CHECK(sent.find("<Quiet>true</Quiet>") != std::string::npos);
  // As an answer of the same text is read.
  const std::string back = replaced(replaced(sent, "Delete", "DeleteResult"), "Object>", "Error>");
  const auto keys = of(parse_delete_failures, back);
  REQUIRE(keys.size() == 2);
  CHECK(keys[0].key == odd);
  CHECK(complete_document({{1, 5, "abc"}, {10'000, 1, "a\"&<"}}) ==
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Part><PartNumber>1</PartNumber><ETag>&quot;abc&quot;</ETag></Part>"
        "<Part><PartNumber>10000</PartNumber><ETag>&quot;a&quot;&amp;&lt;&quot;</ETag></Part>"
        "</CompleteMultipartUpload>");
}

TEST_CASE("s3_xml: keys that XML can hold are those of its characters") {
  for (const char* key : {"a", " ", "\x7F", "\xC2\x85", "\xED\x9F\xBF", "\xEE\x80\x80",
                          "\xEF\xBF\xBD", "\xF0\x9F\x93\xBC", "\xF4\x8F\xBF\xBD"}) {
    INFO(tape::shown(key));
    CHECK(fits_xml(key));
    const std::string document =
        "<DeleteResult><Error><Key>" + std::string(key) + "</Key></Error></DeleteResult>";
    CHECK(of(parse_delete_failures, document)[0].key == key);
  }
  // RFC 3629 and XML 1.0 §2.2: no controls, no surrogates, and neither U+FFFE nor U+FFFF.
  for (const char* key : {"\n", "\t", "\r", "a\x01", "\x1F", "\xFF", "\xC3", "\xED\xA0\x80",
                          "\xEF\xBF\xBE", "a\xEF\xBF\xBF"}) {
    INFO(tape::shown(key));
    CHECK_FALSE(fits_xml(key));
  }
}
