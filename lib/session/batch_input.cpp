// SPDX-License-Identifier: Apache-2.0
#include "session/batch_input.h"

#include <algorithm>

#include "base/text.h"
#include "sys/flow.h"

namespace dsched::session {
namespace {

constexpr std::size_t k_read_at_once = 64 * 1024;

// A descriptor, read as far as it goes without waiting.
class Source {
 public:
  Source(int fd, const std::string& name) : fd_(fd), name_(name), buffer_(k_read_at_once, '\0') {}
  // Feeds what is there; false when nothing is now, and not at the end either.
  template <class Splitter>
  [[nodiscard]] bool fill(Splitter& splitter) {
    const sys::Taken taken = sys::read_now(fd_, buffer_, name_);
    if (taken.state == sys::Taken::State::nothing_now) return false;
    is_over_ = taken.state == sys::Taken::State::end;
    if (is_over_) {
      splitter.finish();
    } else {
      splitter.feed(std::string_view(buffer_).substr(0, taken.bytes));
    }
    return true;
  }
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] int fd() const { return is_over_ ? -1 : fd_; }

 private:
  int fd_;
  const std::string& name_;
  std::string buffer_;
  bool is_over_ = false;
};

class JsonInput final : public BatchInput {
 public:
  explicit JsonInput(const BatchCall& call)
      : source_(call.input_fd, call.input_name), reader_(call.workers) {}

  std::variant<NextRequest, NothingNow, InputOver> next() override {
    while (true) {
      if (const auto piece = splitter_.next()) return read(*piece);
      if (source_.is_over()) return InputOver{};
      if (!source_.fill(splitter_)) return NothingNow{};
    }
  }
  int fd() const override { return source_.fd(); }

 private:
  NextRequest read(const program::RequestSplitter::Piece& piece) {
    if (piece.fault.empty()) {
      return {piece.number, piece.text.size(), reader_.read(piece.text, piece.line)};
    }
    program::Diagnostic fault;
    fault.code = "syntax";
    fault.message = piece.fault;
    fault.line = static_cast<std::uint32_t>(piece.line);
    fault.column = 1;
    return {piece.number, 0, program::BadRequest{{}, {}, {std::move(fault)}}};
  }

  Source source_;
  program::RequestSplitter splitter_;
  program::RequestReader reader_;
};

// {"words": ["a", {"base64": …}]}: which words a request was made for.
std::string metadata_of(const std::vector<std::string>& words) {
  std::string out = R"({"words":[)";
  for (const std::string& word : words) {
    if (out.back() != '[') out += ',';
    if (is_utf8(word)) {
      append_json_string(out, word);
    } else {
      out += R"({"base64":")" + base64(word) + "\"}";
    }
  }
  return out + "]}";
}

NextRequest request_of(std::uint64_t number, const std::string& parameters,
                       std::vector<std::string> words) {
  program::BatchRequest request;
  request.operation = dag::Operation::shell;
  request.operation_name = "shell";
  request.parameters = parameters;
  request.metadata = metadata_of(words);
  request.words = std::move(words);
  const std::size_t bytes = request.metadata.size();
  return {number, bytes, std::move(request)};
}

std::string parameters_of(const EachCall& each) {
  std::string out = R"({"command":)";
  append_json_string(out, each.command);
  return out + '}';
}

// All combinations of the groups' words.
class CombinedWords final : public BatchInput {
 public:
  explicit CombinedWords(const EachCall& each)
      : each_(each), parameters_(parameters_of(each)), at_(each.groups.size(), 0) {
    is_over_ = std::any_of(each.groups.begin(), each.groups.end(),
                           [](const auto& group) { return group.empty(); });
  }

  std::variant<NextRequest, NothingNow, InputOver> next() override {
    if (is_over_) return InputOver{};
    std::vector<std::string> words;
    for (std::size_t i = 0; i < at_.size(); ++i) words.push_back(each_.groups[i][at_[i]]);
    for (std::size_t i = at_.size(); i-- > 0;) {
      if (++at_[i] < each_.groups[i].size()) break;
      at_[i] = 0;
      is_over_ = i == 0;
    }
    return request_of(++number_, parameters_, std::move(words));
  }
  int fd() const override { return -1; }

 private:
  const EachCall& each_;
  std::string parameters_;
  std::vector<std::size_t> at_;
  std::uint64_t number_ = 0;
  bool is_over_ = false;
};

class StreamedWords final : public BatchInput {
 public:
  StreamedWords(const BatchCall& call, const EachCall& each)
      : source_(call.input_fd, call.input_name),
        parameters_(parameters_of(each)),
        passes_over_empty_(each.delimiter == '\n'),
        splitter_(each.delimiter, program::k_request_bytes_max) {}

  std::variant<NextRequest, NothingNow, InputOver> next() override {
    while (true) {
      if (const auto line = splitter_.next()) {
        if (line->text.empty() && !line->is_too_long && passes_over_empty_) continue;
        return read(*line);
      }
      if (source_.is_over()) return InputOver{};
      if (!source_.fill(splitter_)) return NothingNow{};
    }
  }
  int fd() const override { return source_.fd(); }

 private:
  NextRequest read(const LineSplitter::Line& line) {
    const auto refused = [&](std::string why) {
      program::Diagnostic fault;
      fault.code = "invalid_value";
      fault.message = std::move(why);
      fault.line = static_cast<std::uint32_t>(line.number);
      fault.column = 1;
      return NextRequest{line.number, 0, program::BadRequest{{}, {}, {std::move(fault)}}};
    };
    if (line.is_too_long) return refused("a word is too long");
    if (line.text.find('\0') != std::string_view::npos) {
      return refused("a word holds a null character, which no argument of a command can");
    }
    return request_of(line.number, parameters_, {std::string(line.text)});
  }

  Source source_;
  std::string parameters_;
  bool passes_over_empty_;
  LineSplitter splitter_;
};

}  // namespace

std::unique_ptr<BatchInput> make_batch_input(const BatchCall& call) {
  if (!call.each) return std::make_unique<JsonInput>(call);
  if (call.each->groups.empty()) return std::make_unique<StreamedWords>(call, *call.each);
  return std::make_unique<CombinedWords>(*call.each);
}

}  // namespace dsched::session
