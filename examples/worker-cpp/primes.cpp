// SPDX-License-Identifier: Apache-2.0
// A persistent worker: factors numbers with a table of primes that is made once.
//
// Each line of stdin is a request, each line of stdout an answer. It writes its answers when no
// further request waits, which lets many of them go in one write.
#include <cstdint>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

using nlohmann::json;

std::vector<std::uint64_t> primes_below(std::uint64_t limit) {
  std::vector<bool> is_composite(limit);
  std::vector<std::uint64_t> primes;
  for (std::uint64_t n = 2; n < limit; ++n) {
    if (is_composite[n]) continue;
    primes.push_back(n);
    for (std::uint64_t multiple = n * n; multiple < limit; multiple += n) {
      is_composite[multiple] = true;
    }
  }
  return primes;
}

json factors(std::uint64_t number, const std::vector<std::uint64_t>& primes) {
  json found = json::array();
  for (const std::uint64_t prime : primes) {
    if (prime * prime > number) break;
    for (; number % prime == 0; number /= prime) found.push_back(prime);
  }
  if (number > 1) found.push_back(number);
  return found;
}

json answer(const json& request, const std::vector<std::uint64_t>& primes) {
  json reply{{"requestId", request.at("requestId")}};
  const json& number = request.at("parameters").value("number", json());
  if (!number.is_number_unsigned() || number > 1'000'000'000'000) {
    reply["exitCode"] = 2;
    reply["output"] = "parameters.number must be a whole number up to 1000000000000\n";
    return reply;
  }
  reply["exitCode"] = 0;
  reply["result"] = factors(number, primes);
  return reply;
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  const std::vector<std::uint64_t> primes = primes_below(1'000'000);
  for (std::string line; std::getline(std::cin, line);) {
    const json request = json::parse(line);
    // Answers come in turn, so whatever is to be given up is answered already.
    if (!request.value("cancel", false)) std::cout << answer(request, primes) << '\n';
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
}
