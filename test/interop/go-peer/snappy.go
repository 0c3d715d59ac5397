//go:build grafana

// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import "github.com/hashicorp/memberlist"

func setCompressionAlgorithm(config *memberlist.Config, algorithm string) error {
	config.CompressionAlgorithm = memberlist.CompressionAlgorithm(algorithm)
	return nil
}
