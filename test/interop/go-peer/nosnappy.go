//go:build !grafana

// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"errors"

	"github.com/hashicorp/memberlist"
)

// HashiCorp's memberlist has one compression algorithm; Grafana's fork has a choice.
func setCompressionAlgorithm(_ *memberlist.Config, algorithm string) error {
	if algorithm != "" {
		return errors.New("this version of memberlist has no choice of compression algorithms")
	}
	return nil
}
