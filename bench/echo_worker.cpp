// SPDX-License-Identifier: Apache-2.0
// The fastest worker there can be: answers each request with its own number. With an argument it
// waits that many seconds before it reads anything, as one would that loads a model.
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr std::string_view k_begin = R"({"requestId":)";

// Appends the answers to all whole lines of `in`, which is then what is left of it.
void answer_lines(std::string& in, std::string& out) {
  std::size_t begin = 0;
  for (std::size_t end; (end = in.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = std::string_view(in).substr(begin, end - begin);
    if (!line.starts_with(k_begin)) continue;
    const std::string_view rest = line.substr(k_begin.size());
    const std::string_view digits = rest.substr(0, rest.find_first_not_of("0123456789"));
    out.append(k_begin).append(digits).append(R"(,"exitCode":0,"output":")");
    out.append(digits).append("\"}\n");
  }
  in.erase(0, begin);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) std::this_thread::sleep_for(std::chrono::duration<double>(std::stod(argv[1])));
  static char piece[1 << 18];
  std::string in;
  std::string out;
  for (ssize_t got; (got = ::read(0, piece, sizeof piece)) > 0;) {
    in.append(piece, static_cast<std::size_t>(got));
    answer_lines(in, out);
    for (std::size_t done = 0; done < out.size();) {
      const ssize_t put = ::write(1, out.data() + done, out.size() - done);
      if (put <= 0) return 1;
      done += static_cast<std::size_t>(put);
    }
    out.clear();
  }
}
