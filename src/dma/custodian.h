// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::dma {

// Keeps memory from being used again while a device that does not answer may still read or write there.
// Needed where devices work on the callers' own bytes: a late read of the device must not send what lies
// there by then, a late write must not change it. Who knows the owners of RAM implements it
// (machine/firmware); the composition root installs it.
class Custodian {
  public:
    // Nobody is given any of `bytes` until give_back() is called for the same range; ranges may overlap, each
    // is counted. False: it is nobody's to give (Vireo's own image), and there is nothing to give back.
    virtual bool keep(Bytes bytes) = 0;
    virtual void give_back(Bytes bytes) = 0;

  protected:
    ~Custodian() = default;
};

// Before the first device is started; it must outlive them all.
void set_custodian(Custodian* custodian);
Custodian* custodian();

} // namespace vireo::dma
