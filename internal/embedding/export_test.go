package embedding

// Corpus and Principal are for tests.
var (
	Corpus    = corpus
	Principal = func(rows [][]float32, size int) ([][]float32, error) {
		b, err := principal(rows, size)
		if err != nil {
			return nil, err
		}
		return b.rows, nil
	}
)
