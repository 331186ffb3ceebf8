#include "net/aws_config.h"

#include <algorithm>
#include <map>
#include <random>

#include <sys/stat.h>
#include <unistd.h>

#include "net/shell_words.h"
#include "support/aws_home.h"
#include "support/catch.h"
#include "support/expect.h"

using namespace agent;
using tape::ErrorKind;
using tape::failed;
using tape::says;
using test::write_file;

namespace {

std::string value(const std::map<std::string, AwsSection>& sections,
                  const std::string& section,
                  const std::string& key) {
  const auto found = sections.find(section);
  if (found == sections.end()) return "no section";
  const auto setting = found->second.find(key);
  return setting == found->second.end() ? "no setting" : setting->second.value;
}

struct Home : test::AwsHome {
  using AwsHome::AwsHome;
  AwsConfig config(const std::string& profile = "") const { return {environment(), profile}; }
  AwsProfile profile(const std::string& name = "") const {
    return aws_profile(environment(), name);
  }
};

}  // namespace

TEST_CASE("aws_config: sections, settings, comments, blanks and Windows line ends") {
  const auto sections = parse_aws_file(
      "\xEF\xBB\xBF# a comment\r\n"
      "; another\n"
      "[default]\r\n"
      "Region = eu-central-1 \r\n"
      "\n"
      "   # one that stands deeper\n"
      "endpoint_url=http://[::1]:9000/?a=b ; c\n"
      "[ profile work ]  # a comment\n"
      "output:json\n"
      "empty =\n",
      "f");
  CHECK(value(sections, "default", "region") == "eu-central-1");
  // As the AWS CLI has it: behind a value there are no comments.
  CHECK(value(sections, "default", "endpoint_url") == "http://[::1]:9000/?a=b ; c");
  CHECK(value(sections, "profile work", "output") == "json");
  CHECK(value(sections, "profile work", "empty").empty());
  CHECK(sections.size() == 2);
  CHECK(sections.at("profile work").at("output").place == "f line 9");
}

TEST_CASE("aws_config: a block is of its setting, and what follows it is not") {
  const auto sections = parse_aws_file(
      "[default]\n"
      "s3 =\n"
      "    max_concurrent_requests = 20\n"
      "\n"
      "    # a comment\n"
      "    Addressing_Style=path\n"
      "region = us-east-1\n",
      "f");
  const AwsSetting& s3 = sections.at("default").at("s3");
  CHECK(s3.nested == std::map<std::string, std::string>{{"max_concurrent_requests", "20"},
                                                        {"addressing_style", "path"}});
  CHECK(value(sections, "default", "region") == "us-east-1");
  CHECK(value(sections, "default", "addressing_style") == "no setting");
}

TEST_CASE("aws_config: a value goes on in deeper lines; settings may stand deeper than sections") {
  const auto sections = parse_aws_file(
      "[default]\n"
      "  credential_process = helper\n"
      "     --for me\n"
      "  region = r\n"
      "\tca_bundle = c\n",
      "f");
  CHECK(value(sections, "default", "credential_process") == "helper\n--for me");
  CHECK(value(sections, "default", "region") == "r");
  CHECK(value(sections, "default", "ca_bundle") == "c");
}

TEST_CASE("aws_config: a section that comes again goes on, and the last value counts") {
  const auto sections = parse_aws_file("[a]\nx=1\ny=2\n[b]\nx=3\n[a]\nx=4\n", "f");
  CHECK(value(sections, "a", "x") == "4");
  CHECK(value(sections, "a", "y") == "2");
  CHECK(value(sections, "b", "x") == "3");
}

TEST_CASE("aws_config: what is not of the form is refused by file and line, and not shown") {
  struct Case {
    const char* text;
    const char* where;
  };
  for (const Case& one : {
           Case{"[default]\naws_secret_access_key wJalrXUtnFEMI\n", "f line 2: "},
           Case{"region = wJalrXUtnFEMI\n", "f line 1: "},
           Case{"[default]\n[wJalrXUtnFEMI\n", "f line 2: "},
           Case{"[]\n", "f line 1: "},
           Case{"[ ]\n", "f line 1: "},
           Case{"[default]\n= wJalrXUtnFEMI\n", "f line 2: "},
           Case{"\n[default]\ns3 =\n  wJalrXUtnFEMI\n", "f line 4: "},
       }) {
    const auto error = failed([&] { return parse_aws_file(one.text, "f"); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(says(error, one.where));
    CHECK_FALSE(says(error, "wJalrXUtnFEMI"));
  }
}

TEST_CASE("aws_config: any bytes are settings or an error of usage") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  constexpr std::string_view kBytes = "[]=:#; \t\r\nab\"'\\\0\xFF";
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (std::size_t i = random() % 40; i > 0; --i)
      text += kBytes[random() % kBytes.size()];
    const auto failure = tape::failure_of([&] { static_cast<void>(parse_aws_file(text, "f")); });
    if (failure) CHECK(failure->kind() == ErrorKind::usage);
    static_cast<void>(shell_words(text));
  }
}

TEST_CASE("aws_config: a profile is [profile NAME] in config, [NAME] in credentials") {
  const Home home(
      "[default]\nregion = of-default\n"
      "[profile work]\nregion = of-work\nca_bundle = /ca.pem\n"
      "[profile \"two words\"]\nregion = quoted\n"
      "[play]\nregion = not-a-profile\n",
      "[work]\naws_access_key_id = AKIA1\naws_secret_access_key = s1\n"
      "[profile odd]\naws_access_key_id = AKIA2\naws_secret_access_key = s2\n");
  CHECK(home.profile().region == "of-default");
  CHECK(home.profile("work").region == "of-work");
  CHECK(home.profile("work").ca_bundle == "/ca.pem");
  CHECK(home.profile("two words").region == "quoted");
  for (const char* const name : {"play", "odd", "none"}) {
    const auto error = failed([&] { return home.profile(name); });
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(says(error, std::string("there is no profile ") + name));
    CHECK(says(error, "~/.aws/config"));
  }
}

TEST_CASE("aws_config: [profile default] counts, not [default], where both are there") {
  const Home home("[default]\nregion = plain\n[profile default]\nregion = prefixed\n", "");
  CHECK(home.profile().region == "prefixed");
}

TEST_CASE(
    "aws_config: AWS_PROFILE, then AWS_DEFAULT_PROFILE, name the profile; a typed one first") {
  Home home("[profile a]\nregion = a\n[profile b]\nregion = b\n[profile c]\nregion = c\n", "");
  home.variables["AWS_DEFAULT_PROFILE"] = "c";
  CHECK(home.profile().region == "c");
  home.variables["AWS_PROFILE"] = "b";
  CHECK(home.profile().region == "b");
  CHECK(home.profile("a").region == "a");
  home.variables["AWS_PROFILE"] = "none";
  CHECK(failed([&] { return home.profile(); }).kind() == ErrorKind::usage);
  home.variables["AWS_PROFILE"] = "default";
  CHECK(home.profile().region.empty());
}

TEST_CASE("aws_config: the file of credentials says more than config") {
  const Home home("[profile p]\nregion = of-config\noutput = text\n",
                  "[p]\nregion = of-credentials\n");
  CHECK(home.config("p").value("region") == "of-credentials");
  CHECK(home.config("p").value("output") == "text");
  CHECK(home.config("p").setting("output")->place == "~/.aws/config line 3");
}

TEST_CASE("aws_config: keys come from one file, both of them") {
  const Home home(
      "[profile whole]\naws_access_key_id = AKIAC\naws_secret_access_key = sc\n"
      "aws_session_token = tc\n"
      "[profile config]\naws_access_key_id = AKIAC\naws_secret_access_key = sc\n"
      "[profile split]\naws_secret_access_key = SECRET\n"
      "[profile half]\naws_secret_access_key = SECRET\n",
      "[whole]\naws_access_key_id = AKIA1\naws_secret_access_key = s1\n"
      "[split]\naws_access_key_id = AKIA1\n"
      "[odd]\naws_access_key_id = AKIA1\naws_secret_access_key = SECRET # mine\n"
      "[none]\nregion = r\n");
  const auto whole = home.config("whole").keys();
  REQUIRE(whole);
  CHECK(whole->access_key == "AKIA1");
  CHECK(whole->secret_key == "s1");
  CHECK(whole->session_token.empty());
  CHECK(whole->source == "profile whole in ~/.aws/credentials");
  const auto config = home.config("config").keys();
  REQUIRE(config);
  CHECK(config->source == "profile config in ~/.aws/config");
  CHECK_FALSE(home.config("none").keys());
  struct Case {
    const char* profile;
    ErrorKind kind;
    const char* text;
  };
  for (const Case& one : {
           Case{"split", ErrorKind::usage, "~/.aws/credentials line 5: aws_access_key_id without"},
           Case{"half", ErrorKind::usage, "~/.aws/config line 11: aws_secret_access_key without"},
           Case{"odd", ErrorKind::denied, "profile odd in ~/.aws/credentials: the secret key has"},
       }) {
    const auto error = failed([&] { return home.config(one.profile).keys(); });
    CHECK(error.kind() == one.kind);
    CHECK(says(error, one.text));
    CHECK_FALSE(says(error, "SECRET"));
  }
}

TEST_CASE("aws_config: an endpoint is the service's own, then that of all") {
  Home home(
      "[profile all]\nendpoint_url = https://all\n"
      "s3 =\n  addressing_style = path\n"
      "[profile own]\nendpoint_url = https://all\nservices = mine\n"
      "[services mine]\n"
      "s3 =\n  endpoint_url = https://s3.mine\n  other = x\n"
      "dynamodb =\n  endpoint_url = https://dynamodb.mine\n"
      "[profile lost]\nservices = none\n"
      "[profile off]\nendpoint_url = https://all\nignore_configured_endpoint_urls = TRUE\n",
      "");
  CHECK(home.profile("all").endpoint_url == "https://all");
  CHECK(home.profile("own").endpoint_url == "https://s3.mine");
  CHECK(home.config("own").endpoint_url("sts") == "https://all");
  CHECK(home.profile("off").endpoint_url.empty());
  const auto error = failed([&] { return home.profile("lost"); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(says(error, "~/.aws/config line 15: there is no [services none]"));
  home.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  CHECK(home.profile("own").endpoint_url.empty());
}

TEST_CASE("aws_config: AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name others, with ~ too") {
  Home home("[default]\nregion = at-home\n", "");
  write_file(home.folder / "other", "[default]\nregion = elsewhere\n");
  write_file(home.folder / "keys", "[default]\naws_access_key_id=A\naws_secret_access_key=s\n");
  home.variables["AWS_CONFIG_FILE"] = home.folder / "other";
  home.variables["AWS_SHARED_CREDENTIALS_FILE"] = "~/keys";
  CHECK(home.profile().region == "elsewhere");
  REQUIRE(home.config().keys());
  CHECK(home.config().keys()->source == "profile default in ~/keys");
  home.variables["AWS_CONFIG_FILE"] = home.folder / "none";
  CHECK(home.profile().region.empty());
  home.variables["AWS_CONFIG_FILE"] = "/dev/null";
  CHECK(home.profile().region.empty());
}

TEST_CASE("aws_config: no HOME, no files: nothing is set, and a description says so") {
  const Environment nothing = [](const std::string&) { return std::string(); };
  const AwsProfile profile = aws_profile(nothing, "");
  CHECK(profile.region.empty());
  CHECK(profile.endpoint_url.empty());
  CHECK(AwsConfig(nothing, "").description() ==
        "profile default in ~/.aws/credentials (HOME is not set) or ~/.aws/config (HOME is not "
        "set)");
  CHECK(failed([&] { return aws_profile(nothing, "p"); }).kind() == ErrorKind::usage);

  test::TemporaryFolder folder;
  const Environment bare = [&](const std::string& name) {
    return name == "HOME" ? folder.path() : "";
  };
  CHECK(AwsConfig(bare, "").description() ==
        "profile default in ~/.aws/credentials (no such file) or ~/.aws/config (no such file)");
}

TEST_CASE(
    "aws_config: a file that may not be read is passed over, unless its profile is asked for") {
  Home home("[default]\nregion = r\n", "[p]\naws_access_key_id=A\naws_secret_access_key=s\n");
  REQUIRE(::chmod((home.folder / ".aws/credentials").c_str(), 0) == 0);
  CHECK(home.profile().region == "r");
  if (::geteuid() == 0) {
    // Root reads everything.
    CHECK(home.config("p").keys());
    return;
  }
  CHECK(says(failed([&] { return home.profile("p"); }), "credentials (not ours to read)"));
}

TEST_CASE("aws_config: a file of 1 MiB is read, one of a byte more is refused") {
  std::string text = "[default]\nregion = r\n";
  text.resize(kAwsFileSizeMax, '\n');
  const Home home(text, "");
  CHECK(home.profile().region == "r");
  write_file(home.folder / ".aws/config", text + "\n");
  const auto error = failed([&] { return home.profile(); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(says(error, ".aws/config: at most 1048576 bytes expected"));
}
