// SPDX-License-Identifier: Apache-2.0
#include "executor/restore.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "executor/folder_scan.h"
#include "executor/outputs.h"
#include "sys/copy.h"

namespace dsched::executor {
namespace {

using MaybeText = std::optional<std::string>;
using Kind = FolderEntry::Kind;

// Whether the store has these bytes, whole and sound.
MaybeText why_not_stored(store::Blobs& blobs, const std::string& path,
                         const store::Content& content) {
  try {
    if (blobs.open(content.hash)) return std::nullopt;
    return path + ": its bytes are not in the store";
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    return path + ": " + error.what();
  }
}

struct Manifest {
  std::vector<FolderEntry> entries;
  MaybeText why_not;
};

Manifest read_manifest(store::Blobs& blobs, const OutputRecord& output) {
  Manifest manifest;
  manifest.why_not = why_not_stored(blobs, output.path, output.content);
  if (manifest.why_not) return manifest;
  const std::optional<std::string> text = store::read_blob(blobs, output.content.hash);
  auto entries = folder_from_manifest(text.value_or(""));
  if (entries) {
    manifest.entries = std::move(*entries);
  } else {
    manifest.why_not = output.path + ": its recorded list of files cannot be read";
  }
  return manifest;
}

// What is in the folder now, by path; nothing when it is not a folder that can be read.
std::map<std::string, ScannedEntry> present_entries(const FileExaminer& files,
                                                    const std::string& path) {
  std::map<std::string, ScannedEntry> present;
  auto status = sys::status_beneath(files.folder(), path, sys::Links::keep);
  const auto* is = std::get_if<struct stat>(&status);
  if (is == nullptr || !S_ISDIR(is->st_mode)) return present;
  auto scanned = scan_folder(files.folder(), path);
  if (auto* found = std::get_if<std::vector<ScannedEntry>>(&scanned)) {
    for (ScannedEntry& one : *found) present.emplace(one.entry.path, std::move(one));
  }
  return present;
}

bool is_right(FileExaminer& files, const std::string& folder, const FolderEntry& wanted,
              const std::map<std::string, ScannedEntry>& present) {
  const auto found = present.find(wanted.path);
  if (found == present.end() || found->second.entry.kind != wanted.kind) return false;
  if (wanted.kind == Kind::folder) return true;
  if (wanted.kind == Kind::link) return found->second.entry.link_text == wanted.link_text;
  if (found->second.stat.size != wanted.content.size) return false;
  const auto file = files.examine_seen(folder + "/" + wanted.path, found->second.stat);
  const auto* is = std::get_if<InputFile>(&file);
  return is != nullptr && is->hash == wanted.content.hash;
}

MaybeText text_of(std::optional<sys::PathProblem> why) {
  if (!why) return std::nullopt;
  return std::move(why->error);
}

void copy_stored(store::Blobs& blobs, const Digest& hash, int to, const std::string& path) {
  if (const std::optional<std::string> file = blobs.file_path(hash)) {
    const sys::Fd from(::open(file->c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!from) throw Error(ErrorKind::storage, describe_errno("blob " + *file, errno));
    (void)sys::copy_file(from.get(), to, path);
  } else if (!store::copy_blob(blobs, hash, to)) {
    throw Error(ErrorKind::damaged, path + ": its bytes have left the store");
  }
}

MaybeText put_file(FileExaminer& files, store::Blobs& blobs, const std::string& path,
                   const OutputRecord& is) {
  sys::OrProblem<sys::NewFile> made = sys::NewFile::beside(files.folder(), path);
  if (auto* why = std::get_if<sys::PathProblem>(&made)) return std::move(why->error);
  sys::NewFile& file = std::get<sys::NewFile>(made);
  copy_stored(blobs, is.content.hash, file.fd(), path);
  MaybeText why = text_of(file.commit(is.executable ? sys::Executable::yes : sys::Executable::no));
  if (!why) files.note_young(path);
  return why;
}

MaybeText put_entry(FileExaminer& files, store::Blobs& blobs, const std::string& path,
                    const FolderEntry& entry) {
  switch (entry.kind) {
    case Kind::folder:
      return text_of(sys::make_folders_beneath(files.folder(), path));
    case Kind::link:
      return text_of(sys::make_link_beneath(files.folder(), path, entry.link_text));
    case Kind::file:
    case Kind::executable:
      break;
  }
  const OutputRecord file{path, FileKind::regular, entry.kind == Kind::executable, entry.content};
  return put_file(files, blobs, path, file);
}

// A folder must take the place of whatever else has its name, a link to a folder included.
MaybeText clear_way_for_folder(const FileExaminer& files, const std::string& path) {
  auto status = sys::status_beneath(files.folder(), path, sys::Links::keep);
  const auto* is = std::get_if<struct stat>(&status);
  if (is == nullptr || S_ISDIR(is->st_mode)) return std::nullopt;
  return text_of(sys::remove_beneath(files.folder(), path));
}

MaybeText put_folder(FileExaminer& files, store::Blobs& blobs, const OutputRecord& output) {
  Manifest manifest = read_manifest(blobs, output);
  if (manifest.why_not) return manifest.why_not;
  if (MaybeText why = clear_way_for_folder(files, output.path)) return why;
  if (auto why = sys::make_folders_beneath(files.folder(), output.path)) return why->error;
  const std::map<std::string, ScannedEntry> present = present_entries(files, output.path);
  std::map<std::string_view, Kind> wanted;
  for (const FolderEntry& entry : manifest.entries) wanted.emplace(entry.path, entry.kind);
  for (const auto& [path, is] : present) {
    const auto belongs = wanted.find(path);
    // A folder in the way of a file, and the other way round, has to go as well.
    const bool stays = belongs != wanted.end() &&
                       (belongs->second == Kind::folder) == (is.entry.kind == Kind::folder);
    if (stays) continue;
    if (auto why = sys::remove_beneath(files.folder(), output.path + "/" + path)) return why->error;
  }
  for (const FolderEntry& entry : manifest.entries) {
    if (is_right(files, output.path, entry, present)) continue;
    if (MaybeText why = put_entry(files, blobs, output.path + "/" + entry.path, entry)) return why;
  }
  return std::nullopt;
}

}  // namespace

MaybeText why_not_at_hand(FileExaminer& files, store::Blobs& blobs, const OutputRecord& output) {
  if (output.kind != FileKind::folder) return why_not_stored(blobs, output.path, output.content);
  Manifest manifest = read_manifest(blobs, output);
  if (manifest.why_not) return manifest.why_not;
  const std::map<std::string, ScannedEntry> present = present_entries(files, output.path);
  for (const FolderEntry& entry : manifest.entries) {
    if (entry.kind == Kind::folder || entry.kind == Kind::link) continue;
    if (is_right(files, output.path, entry, present)) continue;
    if (auto why = why_not_stored(blobs, output.path + "/" + entry.path, entry.content)) return why;
  }
  return std::nullopt;
}

MaybeText put_in_place(FileExaminer& files, store::Blobs& blobs, const OutputRecord& output) {
  switch (output.kind) {
    case FileKind::folder:
      return put_folder(files, blobs, output);
    case FileKind::regular:
      return put_file(files, blobs, output.path, output);
    case FileKind::link:
      break;
  }
  const std::optional<std::string> text = store::read_blob(blobs, output.content.hash);
  if (!text || text->empty()) return output.path + ": its recorded link cannot be read";
  return text_of(sys::make_link_beneath(files.folder(), output.path, *text));
}

}  // namespace dsched::executor
