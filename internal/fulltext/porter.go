package fulltext

// stem reduces an English word in lower-case ASCII letters to its stem, in
// place, and returns the part that remains: "connections" and "connected" both
// become "connect". It is M. F. Porter's algorithm of 1980 with the two later
// changes of its author (step 2 turns "logi" into "log" and "bli" into "ble"),
// as SQLite's FTS5 has it. A stem need not be a word; it only has to be the same
// for words that mean the same.
func stem(w []byte) []byte {
	if len(w) < 3 {
		return w
	}
	w = step1a(w)
	w = step1b(w)
	w = step1c(w)
	w = replace(w, step2[penultimate(w)])
	w = replace(w, step3[w[len(w)-1]])
	w = step4(w)
	return step5(w)
}

// suffix is a rule: what ends in from ends in to afterwards.
type suffix struct{ from, to string }

// step2 has its rules by the letter before the last one.
var step2 = [128][]suffix{
	'a': {{"ational", "ate"}, {"tional", "tion"}},
	'c': {{"enci", "ence"}, {"anci", "ance"}},
	'e': {{"izer", "ize"}},
	'g': {{"logi", "log"}},
	'l': {{"bli", "ble"}, {"alli", "al"}, {"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"}},
	'o': {{"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"}},
	's': {{"alism", "al"}, {"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}},
	't': {{"aliti", "al"}, {"iviti", "ive"}, {"biliti", "ble"}},
}

// step3 has its rules by the last letter.
var step3 = [128][]suffix{
	'e': {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}},
	'i': {{"iciti", "ic"}},
	'l': {{"ical", "ic"}, {"ful", ""}},
	's': {{"ness", ""}},
}

// step4Endings go where enough of the word remains, by the letter before the
// last one.
var step4Endings = [128][]string{
	'a': {"al"},
	'c': {"ance", "ence"},
	'e': {"er"},
	'i': {"ic"},
	'l': {"able", "ible"},
	'n': {"ant", "ement", "ment", "ent"},
	'o': {"ion", "ou"},
	's': {"ism"},
	't': {"ate", "iti"},
	'u': {"ous"},
	'v': {"ive"},
	'z': {"ize"},
}

// penultimate is the letter before the last one, or the only one.
func penultimate(w []byte) byte { return w[max(len(w)-2, 0)] }

// replace applies the first rule that fits, if a syllable would remain before the
// ending.
func replace(w []byte, rules []suffix) []byte {
	for _, rule := range rules {
		if !ends(w, rule.from) {
			continue
		}
		if rest := w[:len(w)-len(rule.from)]; measure(rest) > 0 {
			return append(rest, rule.to...)
		}
		return w
	}
	return w
}

func ends(w []byte, ending string) bool {
	return len(w) >= len(ending) && string(w[len(w)-len(ending):]) == ending
}

// consonant reports whether the letter at i is one. A y is a vowel after a
// consonant.
func consonant(w []byte, i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return false
	case 'y':
		return i == 0 || !consonant(w, i-1)
	}
	return true
}

// measure counts the times that a run of vowels is followed by one of
// consonants.
func measure(w []byte) int {
	n := 0
	vowel := false
	for i := range w {
		if !consonant(w, i) {
			vowel = true
			continue
		}
		if vowel {
			n++
		}
		vowel = false
	}
	return n
}

func hasVowel(w []byte) bool {
	for i := range w {
		if !consonant(w, i) {
			return true
		}
	}
	return false
}

// double reports whether w ends in the same consonant twice.
func double(w []byte) bool {
	n := len(w)
	return n >= 2 && w[n-1] == w[n-2] && consonant(w, n-1)
}

// short reports whether w ends in consonant, vowel, consonant, the last of them
// not w, x or y: such a word has lost an e ("hop" of "hoping" has not, "hop" of
// "hope" has).
func short(w []byte) bool {
	n := len(w)
	if n < 3 || !consonant(w, n-1) || consonant(w, n-2) || !consonant(w, n-3) {
		return false
	}
	switch w[n-1] {
	case 'w', 'x', 'y':
		return false
	}
	return true
}

// step1a removes plurals.
func step1a(w []byte) []byte {
	switch {
	case ends(w, "sses"), ends(w, "ies"):
		return w[:len(w)-2]
	case ends(w, "s") && !ends(w, "ss"):
		return w[:len(w)-1]
	}
	return w
}

// step1b removes "ed" and "ing" and mends what remains.
func step1b(w []byte) []byte {
	if ends(w, "eed") {
		if measure(w[:len(w)-3]) > 0 {
			return w[:len(w)-1]
		}
		return w
	}
	var rest []byte
	switch {
	case ends(w, "ed"):
		rest = w[:len(w)-2]
	case ends(w, "ing"):
		rest = w[:len(w)-3]
	default:
		return w
	}
	if !hasVowel(rest) {
		return w
	}
	switch {
	case ends(rest, "at"), ends(rest, "bl"), ends(rest, "iz"):
		return append(rest, 'e')
	case double(rest):
		switch rest[len(rest)-1] {
		case 'l', 's', 'z':
			return rest
		}
		return rest[:len(rest)-1]
	case measure(rest) == 1 && short(rest):
		return append(rest, 'e')
	}
	return rest
}

// step1c makes a final y an i where there is a vowel before it.
func step1c(w []byte) []byte {
	if n := len(w) - 1; n >= 0 && w[n] == 'y' && hasVowel(w[:n]) {
		w[n] = 'i'
	}
	return w
}

func step4(w []byte) []byte {
	for _, ending := range step4Endings[penultimate(w)] {
		if !ends(w, ending) {
			continue
		}
		rest := w[:len(w)-len(ending)]
		if measure(rest) <= 1 || ending == "ion" && !ends(rest, "s") && !ends(rest, "t") {
			return w
		}
		return rest
	}
	return w
}

// step5 removes a final e, and one of two final l.
func step5(w []byte) []byte {
	if ends(w, "e") {
		rest := w[:len(w)-1]
		if m := measure(rest); m > 1 || m == 1 && !short(rest) {
			w = rest
		}
	}
	if ends(w, "ll") && measure(w[:len(w)-1]) > 1 {
		w = w[:len(w)-1]
	}
	return w
}
