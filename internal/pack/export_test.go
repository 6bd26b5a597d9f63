package pack

import "context"

// Verify reads a pack whole, and what was made of it.
func (s *Store) Verify(ctx context.Context, name string) error {
	pins, err := s.withConverted([]string{name})
	if err != nil {
		return err
	}
	for _, pin := range pins {
		if err := s.verify(ctx, pin); err != nil {
			return err
		}
	}
	return nil
}
