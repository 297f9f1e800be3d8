" SPDX-License-Identifier: Apache-2.0
" Vim syntax file
" Language: VoxLogica programs (dsched-imgql(5))
" Install:  copy the folders beside this file's into ~/.vim, or add doc/editors/vim to runtimepath

if exists("b:current_syntax")
  finish
endif

syntax case match

" What is matched later wins: words, then names that are called, then keywords.
syntax match imgqlOperator "[#;:_'.|!$%&/^=*+<>?@~\\-]\+"
syntax match imgqlIdentifier "\<[A-Za-z_][A-Za-z0-9_]*\%(\.[A-Za-z_][A-Za-z0-9_]*\)\?"
syntax match imgqlFunction "\<[A-Za-z_][A-Za-z0-9_]*\%(\.[A-Za-z_][A-Za-z0-9_]*\)\?\ze\s*("
syntax match imgqlVariable "\$[a-z][a-z0-9_]*"
syntax match imgqlNumber "\%(\<\|[+-]\)\d\+\%(\.\d*\)\?\%([eE][+-]\?\d\+\)\?"
syntax match imgqlNumber "[+-]\?\.\d\+\%([eE][+-]\?\d\+\)\?"
syntax match imgqlDelimiter "[][(),]"

syntax keyword imgqlCommand let print save import
syntax keyword imgqlRepeat for filter fold map in do
syntax keyword imgqlBoolean true false

syntax region imgqlString start=+"+ skip=+\\.+ end=+"+ contains=imgqlField
syntax match imgqlField "{[^{}\"]*}" contained
syntax match imgqlComment "//.*$" contains=@Spell

highlight default link imgqlOperator Operator
highlight default link imgqlFunction Function
highlight default link imgqlVariable PreProc
highlight default link imgqlNumber Float
highlight default link imgqlDelimiter Delimiter
highlight default link imgqlCommand Statement
highlight default link imgqlRepeat Repeat
highlight default link imgqlBoolean Boolean
highlight default link imgqlString String
highlight default link imgqlField Special
highlight default link imgqlComment Comment

let b:current_syntax = "imgql"
