// SPDX-License-Identifier: Apache-2.0
#include "executor/glob_files.h"

#include <dirent.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/text.h"

namespace dsched::executor {
namespace {

using Components = std::span<const std::string_view>;

std::vector<std::string_view> split(std::string_view pattern) {
  std::vector<std::string_view> components;
  while (!pattern.empty()) {
    const std::size_t slash = std::min(pattern.find('/'), pattern.size());
    const std::string_view component = pattern.substr(0, slash);
    // Two "**" in a row mean no more than one, but would cost a walk for every pair of folders.
    const bool repeats = component == "**" && !components.empty() && components.back() == "**";
    if (!component.empty() && component != "." && !repeats) components.push_back(component);
    pattern.remove_prefix(std::min(slash + 1, pattern.size()));
  }
  return components;
}

// A name as the file system has it: without the backslashes that protect glob characters.
std::string unescaped(std::string_view pattern) {
  std::string name;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    name += pattern[i];
  }
  return name;
}

class Walk {
 public:
  Walk(const sys::Folder& folder, std::string_view prefix, std::vector<std::string>& out)
      : folder_(folder), prefix_(prefix), out_(out) {}

  // What `path` stands for: itself, or every file below it. False: see problem().
  bool add_named(const std::string& path) {
    sys::OrProblem<struct stat> status = sys::status_beneath(folder_, path, sys::Links::follow);
    if (auto* why = std::get_if<sys::PathProblem>(&status)) return fail(std::move(*why));
    const struct stat& is = std::get<struct stat>(status);
    if (S_ISREG(is.st_mode)) {
      add(path);
      return true;
    }
    if (S_ISDIR(is.st_mode)) return add_all_below(path);
    return fail({sys::PathProblem::Kind::refused, 0, path + ": is neither a file nor a folder"});
  }

  bool match(const std::string& at, Components rest) {
    if (rest.front() == "**") return match_any_depth(at, rest);
    const bool last = rest.size() == 1;
    if (!is_glob(rest.front())) {
      const std::string path = joined(at, unescaped(rest.front()));
      return last ? add_matched(path) : match(path, rest.subspan(1));
    }
    std::vector<sys::Entry> entries;
    if (!list(at, entries)) return false;
    for (const sys::Entry& entry : entries) {
      if (!glob_component_matches(rest.front(), entry.name)) continue;
      const std::string path = joined(at, entry.name);
      if (last) {
        if (!add_matched(path)) return false;
      } else if (entry.type != DT_REG && !match(path, rest.subspan(1))) {
        return false;
      }
    }
    return true;
  }

  std::optional<sys::PathProblem> take_problem() { return std::move(problem_); }

 private:
  struct Place {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Place&) const = default;
  };

  static std::string joined(const std::string& at, std::string_view name) {
    return at == "." ? std::string(name) : at + "/" + std::string(name);
  }
  void add(const std::string& path) { out_.push_back(std::string(prefix_) + path); }
  bool fail(sys::PathProblem why) {
    if (why.error.empty() || why.error.front() != '/') why.error.insert(0, prefix_);
    problem_ = std::move(why);
    return false;
  }

  // Entries of a folder; none when it is absent or no folder, as a glob may match nothing.
  bool list(const std::string& at, std::vector<sys::Entry>& entries) {
    auto listed = sys::list_beneath(folder_, at);
    if (auto* why = std::get_if<sys::PathProblem>(&listed)) {
      return why->kind == sys::PathProblem::Kind::missing || fail(std::move(*why));
    }
    entries = std::move(std::get<std::vector<sys::Entry>>(listed));
    std::erase_if(entries, [](const sys::Entry& entry) { return sys::is_own_name(entry.name); });
    return true;
  }

  // Like add_named(), for what a glob or a folder led to: what is gone or special is passed over.
  bool add_matched(const std::string& path) {
    sys::OrProblem<struct stat> status = sys::status_beneath(folder_, path, sys::Links::follow);
    if (auto* why = std::get_if<sys::PathProblem>(&status)) {
      return why->kind == sys::PathProblem::Kind::missing || fail(std::move(*why));
    }
    const struct stat& is = std::get<struct stat>(status);
    if (S_ISREG(is.st_mode)) add(path);
    return !S_ISDIR(is.st_mode) || add_all_below(path);
  }

  bool add_all_below(const std::string& at) {
    return inside(at, [&] {
      std::vector<sys::Entry> entries;
      if (!list(at, entries)) return false;
      for (const sys::Entry& entry : entries) {
        const std::string path = joined(at, entry.name);
        if (entry.type == DT_REG) {
          add(path);
        } else if (entry.type == DT_DIR ? !add_all_below(path) : !add_matched(path)) {
          return false;
        }
      }
      return true;
    });
  }

  // "**": the rest of the pattern in this folder and in every folder below that is not hidden. As
  // the last component it stands for the files in all of them.
  bool match_any_depth(const std::string& at, Components rest) {
    return inside(at, [&] {
      const bool last = rest.size() == 1;
      if (!last && !match(at, rest.subspan(1))) return false;
      std::vector<sys::Entry> entries;
      if (!list(at, entries)) return false;
      for (const sys::Entry& entry : entries) {
        if (entry.name.front() == '.') continue;
        const std::string path = joined(at, entry.name);
        if (entry.type == DT_REG) {
          if (last) add(path);
        } else if (!descend_or_add(path, rest)) {
          return false;
        }
      }
      return true;
    });
  }

  bool descend_or_add(const std::string& path, Components rest) {
    sys::OrProblem<struct stat> status = sys::status_beneath(folder_, path, sys::Links::follow);
    if (auto* why = std::get_if<sys::PathProblem>(&status)) {
      return why->kind == sys::PathProblem::Kind::missing || fail(std::move(*why));
    }
    const struct stat& is = std::get<struct stat>(status);
    if (S_ISREG(is.st_mode) && rest.size() == 1) add(path);
    return !S_ISDIR(is.st_mode) || match_any_depth(path, rest);
  }

  // Runs `body` for the folder at `at`, unless the walk is inside this same folder already.
  template <class Body>
  bool inside(const std::string& at, const Body& body) {
    sys::OrProblem<struct stat> status = sys::status_beneath(folder_, at, sys::Links::follow);
    if (auto* why = std::get_if<sys::PathProblem>(&status)) {
      return why->kind == sys::PathProblem::Kind::missing || fail(std::move(*why));
    }
    const struct stat& is = std::get<struct stat>(status);
    const Place place{is.st_dev, is.st_ino};
    if (std::find(above_.begin(), above_.end(), place) != above_.end()) return true;
    above_.push_back(place);
    const bool fine = body();
    above_.pop_back();
    return fine;
  }

  const sys::Folder& folder_;
  std::string_view prefix_;  // what stands before every path: "/" for the whole file system
  std::vector<std::string>& out_;
  std::vector<Place> above_;  // the folders the walk is in, outermost first
  std::optional<sys::PathProblem> problem_;
};

}  // namespace

std::optional<sys::PathProblem> expand_pattern(const sys::Folder& folder, std::string_view pattern,
                                               std::vector<std::string>& out) {
  const bool absolute = !pattern.empty() && pattern.front() == '/';
  const sys::Folder root = sys::Folder::root();
  Walk walk(absolute ? root : folder, absolute ? "/" : "", out);
  if (absolute) pattern.remove_prefix(std::min(pattern.find_first_not_of('/'), pattern.size()));
  if (!is_glob(pattern)) {
    (void)walk.add_named(pattern.empty() ? "." : unescaped(pattern));
  } else {
    (void)walk.match(".", split(pattern));
  }
  return walk.take_problem();
}

}  // namespace dsched::executor
