// SPDX-License-Identifier: Apache-2.0
#include "executor/direct_command.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "process_fixture.h"

namespace dsched::executor {
namespace {

using Words = std::vector<std::string>;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with("DSCHED_ATTEMPT_ID=")) lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

TEST_CASE("executor: a plain command is executed without the shell") {
  CHECK(direct_argv("cc -c a.c -o out/a.o") == Words{"cc", "-c", "a.c", "-o", "out/a.o"});
  CHECK(direct_argv("  ls\t-l  ") == Words{"ls", "-l"});
  CHECK(direct_argv("/bin/true") == Words{"/bin/true"});
  CHECK(direct_argv("./run --mode=fast,deep @list 50%") ==
        Words{"./run", "--mode=fast,deep", "@list", "50%"});
}

TEST_CASE("executor: a command that the shell must see is not executed directly") {
  for (const std::string command :
       {"",        " ",     ":",     "true",   "echo a",    "cd x",   "exit 1",
        "if a",    "{ a",   "! a",   "a|b",    "a;b",       "a&",     "a>b",
        "a<b",     "a $x",  "a `b`", "a 'b'",  "a \"b\"",   "a *",    "a ?",
        "a [b]",   "a ~",   "a\nb",  "A=1 b",  "a #b",      "a \\b",  "a (b)",
        "a {b,c}", "a b!",  "a ^b",  "%1",     "test -e x", "[ a ]",  "time ls",
        "exec ls", ". ./x", "a b\r", "a \x01", "printf x",  "kill 1", "a\x80"}) {
    CAPTURE(command);
    CHECK_FALSE(direct_argv(command).has_value());
  }
}

TEST_CASE("executor: a directly executed command gives what /bin/sh would give") {
  ProcessWorld world;
  const std::string folder = world.folder();
  std::ofstream(folder + "/no_interpreter") << "echo from-script $0\nexit 4\n";
  std::ofstream(folder + "/not_executable") << "x";
  std::ofstream(folder + "/bad_interpreter") << "#!/no/such/interpreter\n";
  ::chmod((folder + "/no_interpreter").c_str(), 0755);
  ::chmod((folder + "/bad_interpreter").c_str(), 0755);
  for (const std::string command :
       {"/bin/true", "/bin/false", "ls -a", "env", "printenv PWD", "pwd -L", "/bin/pwd -L", "seq 3",
        "no-such-program a", "./no_interpreter", "./not_executable", "./bad_interpreter",
        "/no/such/path", "./", "sh -c exit", "expr 1 + 2", "basename a/b", "uname"}) {
    CAPTURE(command);
    const std::optional<Words> words = direct_argv(command);
    if (!words) continue;
    ProcessWork by_shell = world.shell(command);
    by_shell.argv = {"/bin/sh", "-c", command, "node"};
    by_shell.environment = {"PATH=/usr/bin:/bin", "A=1", "B%%=2", "A=2", "OLDPWD=/usr",
                            "PWD=/somewhere/else"};
    ProcessWork direct = by_shell;
    direct.argv = *words;
    direct.file = (*words)[0];
    direct.fallback = by_shell.argv;
    REQUIRE(make_shell_environment(direct.environment, folder));
    const Ended one = world.run(by_shell);
    const Ended other = world.run(direct);
    CHECK(other.exit_code == one.exit_code);
    CHECK(other.signal == one.signal);
    CHECK(lines_of(other.result.bytes) == lines_of(one.result.bytes));
    CHECK(other.log == one.log);
  }
}

TEST_CASE("executor: PWD is the inherited one where it names the folder, else without links") {
  const testing::TempFolder temporary;
  temporary.make_folder("real");
  temporary.link("alias", "real");
  Words environment = {"PWD=" + (temporary / "alias")};
  REQUIRE(make_shell_environment(environment, temporary / "real"));
  CHECK(environment == Words{"PWD=" + (temporary / "alias")});
  environment = {"PWD=/"};
  REQUIRE(make_shell_environment(environment, temporary / "alias"));
  CHECK(environment == Words{"PWD=" + (temporary / "real")});
}

TEST_CASE("executor: an environment that the shell would change needs the shell") {
  Words environment = {"IFS=x"};
  CHECK_FALSE(make_shell_environment(environment, "/"));
}

}  // namespace dsched::executor
