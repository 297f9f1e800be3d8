// SPDX-License-Identifier: Apache-2.0
#include "program/imgql_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "program/imgql_lexer.h"

namespace dsched::imgql {
namespace {

class Parser {
 public:
  Parser(Syntax& syntax, std::size_t source, Dialect dialect, std::vector<Fault>& faults)
      : syntax_(syntax),
        text_(syntax.sources[source].text),
        begin_(syntax.sources[source].begin),
        dialect_(dialect),
        faults_(faults) {}

  void parse_all() {
    while (peek().kind != TokenKind::end) {
      depth_ = 0;
      const Token first = peek();
      command_at_ = first.begin;
      if (parse_command()) continue;
      const Token name = first.is(TokenKind::identifier, "let") ? after(first) : first;
      if (!is_keyword(name.text)) syntax_.broken.push_back(name.text);
      pass_over_fault();
    }
  }

 private:
  // ---- words
  [[nodiscard]] Token peek(Signs signs = Signs::of_numbers) const {
    return token_at(text_, at_, signs);
  }
  [[nodiscard]] Token after(const Token& token, Signs signs = Signs::of_numbers) const {
    return token_at(text_, token.end, signs);
  }
  void pass(const Token& token) { at_ = token.end; }
  [[nodiscard]] Place place(const Token& token) const {
    return begin_ + static_cast<Place>(token.begin);
  }
  [[nodiscard]] bool is_keyword_here(std::string_view word) const {
    return peek().is(TokenKind::identifier, word);
  }
  // How signs are read behind an operand.
  [[nodiscard]] Signs signs_behind() const {
    return dialect_ == Dialect::strict || in_fold_start_ ? Signs::of_numbers : Signs::operators;
  }

  // ---- faults: each gives false, and the caller gives up
  bool fail(const Token& at, std::string message) {
    faults_.push_back({"E_PARSE", place(at), std::move(message)});
    failed_at_ = at.begin;
    return false;
  }
  bool fail_expecting(std::string_view what) {
    const Token token = peek();
    if (token.kind == TokenKind::open_string) {
      return fail(token, "the string that begins here has no end");
    }
    const std::string found = token.kind == TokenKind::end ? "the end of the text"
                              : token.kind == TokenKind::string
                                  ? "a string"
                                  : "\"" + escape_for_terminal(token.text) + "\"";
    return fail(token, "expected " + std::string(what) + ", found " + found);
  }
  void pass_over_fault();
  [[nodiscard]] bool begins_line(std::size_t offset) const {
    while (offset > 0 && (text_[offset - 1] == ' ' || text_[offset - 1] == '\t')) --offset;
    return offset == 0 || text_[offset - 1] == '\n';
  }

  // ---- commands
  bool parse_command();
  bool parse_declaration(const Token& first);
  bool parse_parameters(Command& command);
  bool parse_labelled(const Token& keyword, CommandKind kind);
  [[nodiscard]] bool begins_declaration(const Token& name) const;
  [[nodiscard]] bool begins_command(const Token& token) const;
  [[nodiscard]] bool is_local_let(const Token& let);
  bool take_equals();
  bool take_name(std::string_view& name, std::string_view what);
  bool take(TokenKind kind, std::string_view text, std::string_view what);

  // ---- expressions: each leaves its number in `out`
  bool parse_expr(ExprId& out);
  bool parse_deeper(ExprId& out);
  bool parse_let(const Token& keyword, ExprId& out);
  bool parse_loop(const Token& keyword, ExprKind kind, ExprId& out);
  bool parse_fold(const Token& keyword, ExprId& out);
  bool parse_infix(ExprId& out);
  bool parse_prefix(ExprId& out);
  bool parse_postfix(ExprId& out);
  bool parse_brackets(ExprId& out);
  bool parse_primary(ExprId& out);
  bool parse_named(const Token& name, ExprId& out);
  bool parse_list(std::string_view end, std::vector<ExprId>& out);
  ExprId make(ExprKind kind, const Token& at, std::string_view text,
              std::span<const ExprId> children = {});

  Syntax& syntax_;
  std::string_view text_;
  Place begin_;
  Dialect dialect_;
  std::vector<Fault>& faults_;
  std::size_t at_ = 0;
  std::size_t command_at_ = 0;
  std::size_t failed_at_ = 0;
  int depth_ = 0;
  bool in_fold_start_ = false;  // a number with a sign may begin the sequence of the fold
  bool is_trying_ = false;
};

ExprId Parser::make(ExprKind kind, const Token& at, std::string_view text,
                    std::span<const ExprId> children) {
  Expr expr;
  expr.kind = kind;
  expr.place = place(at);
  expr.text = text;
  expr.children_begin = static_cast<std::uint32_t>(syntax_.children.size());
  expr.children_count = static_cast<std::uint32_t>(children.size());
  syntax_.children.insert(syntax_.children.end(), children.begin(), children.end());
  syntax_.exprs.push_back(expr);
  return static_cast<ExprId>(syntax_.exprs.size() - 1);
}

// To the next line that begins a command; the word with the fault may do so already.
void Parser::pass_over_fault() {
  at_ = failed_at_;
  for (Token token = peek(); token.kind != TokenKind::end; token = peek()) {
    const bool is_new = token.begin >= failed_at_ && token.begin > command_at_;
    if (is_new && begins_line(token.begin) && begins_command(token)) return;
    at_ = token.end;
  }
}

bool Parser::begins_command(const Token& token) const {
  if (token.kind == TokenKind::identifier) {
    return token.text == "let" || token.text == "print" || token.text == "save" ||
           token.text == "import" || begins_declaration(token);
  }
  return token.kind == TokenKind::oper && begins_declaration(token);
}

// NAME = or NAME(a, b) =
bool Parser::begins_declaration(const Token& name) const {
  if (is_keyword(name.text)) return false;
  const auto is_equals = [this](const Token& token) {
    // Of a longer run only the first character, as in f(x)=-x; but never == or =<.
    return token.kind == TokenKind::oper && token.text.starts_with('=') &&
           (token.text.size() == 1 || text_[token.begin - 1] == ')');
  };
  Token next = after(name);
  if (!next.is(TokenKind::punctuation, "(")) return is_equals(next);
  for (;;) {
    next = after(next);
    if (next.kind != TokenKind::identifier) return false;
    next = after(next);
    if (next.is(TokenKind::punctuation, ",")) continue;
    return next.is(TokenKind::punctuation, ")") && is_equals(after(next));
  }
}

bool Parser::take(TokenKind kind, std::string_view text, std::string_view what) {
  const Token token = peek();
  if (!token.is(kind, text)) return fail_expecting(what);
  pass(token);
  return true;
}

// Exactly one character, whatever stands behind it.
bool Parser::take_equals() {
  const Token token = peek();
  if (token.kind != TokenKind::oper || !token.text.starts_with('=')) return fail_expecting("=");
  at_ = token.begin + 1;
  return true;
}

bool Parser::take_name(std::string_view& name, std::string_view what) {
  const Token token = peek();
  if (token.kind != TokenKind::identifier || is_keyword(token.text) || token.text == "true" ||
      token.text == "false") {
    return fail_expecting(what);
  }
  name = token.text;
  pass(token);
  return true;
}

bool Parser::parse_command() {
  const Token token = peek();
  if (token.is(TokenKind::identifier, "print")) return parse_labelled(token, CommandKind::print);
  if (token.is(TokenKind::identifier, "save")) return parse_labelled(token, CommandKind::save);
  if (token.is(TokenKind::identifier, "import")) return parse_labelled(token, CommandKind::import);
  return parse_declaration(token);
}

bool Parser::parse_labelled(const Token& keyword, CommandKind kind) {
  pass(keyword);
  const Token label = peek();
  if (label.kind != TokenKind::string) {
    return fail_expecting(kind == CommandKind::import ? "what to import, as a string" : "a string");
  }
  pass(label);
  Command command;
  command.kind = kind;
  command.place = place(kind == CommandKind::import ? label : keyword);
  command.text = label.text;
  if (kind != CommandKind::import && !parse_expr(command.value)) return false;
  syntax_.commands.push_back(command);
  return true;
}

bool Parser::parse_declaration(const Token& first) {
  Command command;
  command.kind = CommandKind::declaration;
  if (first.is(TokenKind::identifier, "let")) pass(first);
  const Token name = peek();
  const bool is_name = name.kind == TokenKind::identifier && !is_keyword(name.text);
  const bool is_oper = name.kind == TokenKind::oper && name.text != "=";
  if (!is_name && !is_oper) return fail_expecting("a command");
  if (name.text.starts_with('$') && name.kind == TokenKind::identifier) {
    faults_.push_back({"E_RESERVED_PROGRAM_VARIABLE", place(name),
                       std::string(name.text) + " is a program variable: it cannot be declared"});
  }
  pass(name);
  command.place = place(name);
  command.text = name.text;
  if (peek().is(TokenKind::punctuation, "(") && !parse_parameters(command)) return false;
  if (!take_equals() || !parse_expr(command.value)) return false;
  syntax_.commands.push_back(command);
  return true;
}

bool Parser::parse_parameters(Command& command) {
  pass(peek());
  std::vector<std::string_view> names;
  do {
    std::string_view name;
    if (!names.empty()) pass(peek());
    if (!take_name(name, "the name of a parameter")) return false;
    names.push_back(name);
  } while (peek().is(TokenKind::punctuation, ","));
  command.parameters_begin = static_cast<std::uint32_t>(syntax_.parameters.size());
  command.parameters_count = static_cast<std::uint32_t>(names.size());
  syntax_.parameters.insert(syntax_.parameters.end(), names.begin(), names.end());
  return take(TokenKind::punctuation, ")", ", or )");
}

bool Parser::parse_deeper(ExprId& out) {
  if (++depth_ > k_depth_max) {
    return fail(peek(), "nested deeper than " + std::to_string(k_depth_max) + " levels");
  }
  const bool was = std::exchange(in_fold_start_, false);
  const bool ok = parse_expr(out);
  in_fold_start_ = was;
  --depth_;
  return ok;
}

bool Parser::parse_expr(ExprId& out) {
  const Token token = peek();
  if (token.is(TokenKind::identifier, "let")) return parse_let(token, out);
  if (token.is(TokenKind::identifier, "for")) return parse_loop(token, ExprKind::for_in, out);
  if (token.is(TokenKind::identifier, "filter")) return parse_loop(token, ExprKind::filter, out);
  if (token.is(TokenKind::identifier, "fold")) return parse_fold(token, out);
  return parse_infix(out);
}

bool Parser::parse_let(const Token& keyword, ExprId& out) {
  pass(keyword);
  std::string_view name;
  std::array<ExprId, 2> children{};
  if (!take_name(name, "a name") || !take_equals() || !parse_deeper(children[0]) ||
      !take(TokenKind::identifier, "in", "in") || !parse_deeper(children[1])) {
    return false;
  }
  out = make(ExprKind::let_in, keyword, name, children);
  return true;
}

bool Parser::parse_loop(const Token& keyword, ExprKind kind, ExprId& out) {
  pass(keyword);
  std::string_view name;
  std::array<ExprId, 2> children{};
  if (!take_name(name, "a name") || !take(TokenKind::identifier, "in", "in") ||
      !parse_deeper(children[0]) || !take(TokenKind::identifier, "do", "do") ||
      !parse_deeper(children[1])) {
    return false;
  }
  out = make(kind, keyword, name, children);
  return true;
}

bool Parser::parse_fold(const Token& keyword, ExprId& out) {
  pass(keyword);
  const Token oper = peek(Signs::operators);
  if (oper.kind != TokenKind::oper && !oper.is(TokenKind::identifier, "max") &&
      !oper.is(TokenKind::identifier, "min")) {
    return fail_expecting("the operator of fold");
  }
  pass(oper);
  if (++depth_ > k_depth_max) {
    return fail(peek(), "nested deeper than " + std::to_string(k_depth_max) + " levels");
  }
  std::vector<ExprId> children(1);
  const bool was = std::exchange(in_fold_start_, true);
  bool ok = parse_expr(children[0]);
  in_fold_start_ = was;
  if (!ok) return false;
  const Token next = peek();
  const bool is_word = next.kind == TokenKind::identifier &&
                       (!is_keyword(next.text) || next.text == "for" || next.text == "filter" ||
                        next.text == "fold" || (next.text == "let" && is_local_let(next)));
  const bool begins_expr = is_word || next.kind == TokenKind::number ||
                           next.kind == TokenKind::string || next.kind == TokenKind::oper ||
                           next.is(TokenKind::punctuation, "(") ||
                           next.is(TokenKind::punctuation, "[");
  const bool is_command = begins_declaration(next) && dialect_ != Dialect::strict;
  if (begins_expr && !is_command) {
    ok = parse_expr(children.emplace_back());
  } else if (dialect_ == Dialect::strict && begins_command(next)) {
    ok = fail(next, "expected the sequence of fold; put a fold before a command in parentheses");
  }
  --depth_;
  if (ok) out = make(ExprKind::fold, keyword, oper.text, children);
  return ok;
}

// Whether what begins here is let … in …, and no declaration. Found out by trying.
bool Parser::is_local_let(const Token& let) {
  if (is_trying_ || dialect_ == Dialect::strict) return true;
  const std::size_t at = at_;
  const int depth = depth_;
  const std::size_t known_faults = faults_.size();
  const std::size_t known_exprs = syntax_.exprs.size();
  const std::size_t known_children = syntax_.children.size();
  is_trying_ = true;
  ExprId unused = 0;
  const bool is_local = parse_let(let, unused);
  is_trying_ = false;
  at_ = at;
  depth_ = depth;
  faults_.resize(known_faults);
  syntax_.exprs.resize(known_exprs);
  syntax_.children.resize(known_children);
  return is_local;
}

bool Parser::parse_infix(ExprId& out) {
  if (!parse_prefix(out)) return false;
  for (;;) {
    const Token oper = peek(signs_behind());
    if (oper.kind != TokenKind::oper || oper.text == "=" || oper.text == ":") return true;
    if (dialect_ != Dialect::strict && begins_line(oper.begin) && begins_declaration(oper)) {
      return true;
    }
    pass(oper);
    std::array<ExprId, 2> children{out, 0};
    if (!parse_prefix(children[1])) return false;
    out = make(ExprKind::call, oper, oper.text, children);
  }
}

bool Parser::parse_prefix(ExprId& out) {
  const Token token = peek();
  if (token.kind != TokenKind::oper || after(token).is(TokenKind::punctuation, "(")) {
    return parse_postfix(out);
  }
  if (++depth_ > k_depth_max) {
    return fail(token, "nested deeper than " + std::to_string(k_depth_max) + " levels");
  }
  pass(token);
  ExprId operand = 0;
  if (!parse_prefix(operand)) return false;
  --depth_;
  out = make(ExprKind::call, token, token.text, std::span(&operand, 1));
  return true;
}

bool Parser::parse_postfix(ExprId& out) {
  if (!parse_primary(out)) return false;
  while (peek(signs_behind()).is(TokenKind::punctuation, "[")) {
    if (!parse_brackets(out)) return false;
  }
  return true;
}

// xs[i], xs[a:b], xs[:b], xs[a:], xs[:]
bool Parser::parse_brackets(ExprId& out) {
  const Token bracket = peek();
  pass(bracket);
  std::vector<ExprId> children{out};
  const auto takes_colon = [this] {
    const Token token = peek(Signs::operators);
    if (token.kind != TokenKind::oper || !token.text.starts_with(':')) return false;
    at_ = token.begin + 1;
    return true;
  };
  bool is_slice = takes_colon();
  const bool has_start = !is_slice;
  if (has_start) {
    if (!parse_deeper(children.emplace_back())) return false;
    is_slice = takes_colon();
  }
  const bool has_stop = is_slice && !peek().is(TokenKind::punctuation, "]");
  if (has_stop && !parse_deeper(children.emplace_back())) return false;
  if (!take(TokenKind::punctuation, "]", "]")) return false;
  out =
      make(is_slice ? ExprKind::slice : ExprKind::call, bracket, is_slice ? "" : "index", children);
  syntax_.exprs[out].has_start = is_slice && has_start;
  syntax_.exprs[out].has_stop = has_stop;
  return true;
}

bool Parser::parse_primary(ExprId& out) {
  const Token token = peek();
  switch (token.kind) {
    case TokenKind::number:
    case TokenKind::string:
      pass(token);
      out = make(token.kind == TokenKind::number ? ExprKind::number : ExprKind::string, token,
                 token.text);
      return true;
    case TokenKind::oper:
      return parse_named(token, out);
    case TokenKind::identifier:
      if (is_keyword(token.text)) return fail_expecting("an expression");
      if (token.text == "true" || token.text == "false") {
        pass(token);
        out = make(ExprKind::boolean, token, token.text);
        return true;
      }
      if (begins_line(token.begin) && begins_declaration(token)) {
        return fail_expecting("an expression");
      }
      return parse_named(token, out);
    default:
      break;
  }
  if (token.is(TokenKind::punctuation, "(")) {
    pass(token);
    return parse_deeper(out) && take(TokenKind::punctuation, ")", ")");
  }
  if (!token.is(TokenKind::punctuation, "[")) return fail_expecting("an expression");
  pass(token);
  std::vector<ExprId> elements;
  if (!parse_list("]", elements)) return false;
  out = make(ExprKind::list, token, "", elements);
  return true;
}

bool Parser::parse_named(const Token& name, ExprId& out) {
  pass(name);
  const Token open = peek();
  if (!open.is(TokenKind::punctuation, "(")) {
    out = make(ExprKind::name, name, name.text);
    return true;
  }
  pass(open);
  if (dialect_ == Dialect::strict && peek().is(TokenKind::punctuation, ")")) {
    return fail_expecting("an expression");
  }
  std::vector<ExprId> arguments;
  if (!parse_list(")", arguments)) return false;
  out = make(ExprKind::call, name, name.text, arguments);
  return true;
}

// Up to and with `end`; may be empty.
bool Parser::parse_list(std::string_view end, std::vector<ExprId>& out) {
  if (!peek().is(TokenKind::punctuation, end)) {
    for (;;) {
      if (!parse_deeper(out.emplace_back())) return false;
      const Token comma = peek();
      if (!comma.is(TokenKind::punctuation, ",")) break;
      pass(comma);
    }
  }
  return take(TokenKind::punctuation, end, ", or " + std::string(end));
}

}  // namespace

void parse(Syntax& syntax, std::size_t source, Dialect dialect, std::vector<Fault>& faults) {
  Parser(syntax, source, dialect, faults).parse_all();
}

}  // namespace dsched::imgql
