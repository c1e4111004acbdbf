/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IDENTIFY DEVICE and IDENTIFY PACKET DEVICE data (ATA8-ACS 7.16, 7.17); words as 7.2 gives them.
 */
#include <string.h>

#include "hw/ide/ide-int.h"

static void word(uint8_t *out, unsigned n, uint16_t val)
{
    out[2 * n] = val;
    out[2 * n + 1] = val >> 8;
}

/* two characters a word, the first one in the high byte, padded with blanks */
static void text(uint8_t *out, unsigned first, unsigned words, const char *s)
{
    size_t n = strlen(s);

    for (unsigned i = 0; i < 2 * words; i++)
        out[2 * first + (i ^ 1)] = i < n ? s[i] : ' ';
}

static void names(uint8_t *out, const IdeDrive *d)
{
    text(out, 10, 10, d->serial);
    text(out, 23, 4, d->ver);
    text(out, 27, 20, d->model);
}

/* The mode that SET FEATURES chose, as a bit of word 63 (multi-word) or 88 (Ultra DMA) */
static uint16_t mode_bit(const IdeDrive *d, uint8_t family)
{
    return (d->st.mode & 0xf8) == family ? 0x100 << (d->st.mode & 7) : 0;
}

static void transfer_modes(uint8_t *out, const IdeDrive *d)
{
    word(out, 53, 7);
    word(out, 63, 7 | mode_bit(d, 0x20));
    word(out, 64, 3); /* PIO 3 and 4 */
    word(out, 88, 0x3f | mode_bit(d, 0x40));
}

unsigned ide_cylinders(const IdeDrive *d)
{
    uint64_t per = (uint64_t)d->hds * d->secs, all = ide_blk_length(d) / SECTOR;

    return d->cyls ? d->cyls : CLAMP(all / MAX(per, 1), 2, 16383);
}

static void geometry(uint8_t *out, const IdeDrive *d)
{
    unsigned cyls = ide_cylinders(d);
    uint32_t chs = cyls * d->hds * d->secs;

    word(out, 1, cyls);
    word(out, 3, d->hds);
    word(out, 4, SECTOR * d->secs);
    word(out, 5, SECTOR);
    word(out, 6, d->secs);
    word(out, 54, cyls);
    word(out, 55, d->hds);
    word(out, 56, d->secs);
    word(out, 57, chs);
    word(out, 58, chs >> 16);
}

static void capacity(uint8_t *out, const IdeDrive *d)
{
    uint64_t n = ide_blk_length(d) / SECTOR;
    uint32_t n28 = MIN(n, 0xfffffff);
    unsigned exp = g_bit_storage(d->physical_block_size / SECTOR) - 1;

    word(out, 60, n28);
    word(out, 61, n28 >> 16);
    for (unsigned i = 0; i < 4; i++)
        word(out, 100 + i, n >> 16 * i);
    word(out, 106, 0x6000 | exp); /* 2^exp logical sectors in a physical one */
}

/* 82-84: what there is, 85-87: what is on */
static void features(uint8_t *out, const IdeDrive *d)
{
    enum {
        SMART = 1,
        WRITE_CACHE = 0x20,
        NOP = 0x4000,
        LBA48 = 0x400,
        FLUSH = 0x3000,
        WWN = 0x100
    };
    uint16_t wwn = d->wwn ? WWN : 0;

    word(out, 80, 0xf0); /* ATA-4 to ATA-7 */
    word(out, 81, 0x16);
    word(out, 82, NOP | WRITE_CACHE | SMART);
    word(out, 83, 0x4000 | FLUSH | LBA48);
    word(out, 84, 0x4000 | wwn);
    word(out, 85, NOP | (d->st.no_cache ? 0 : WRITE_CACHE) | (d->st.no_smart ? 0 : SMART));
    word(out, 86, FLUSH | LBA48);
    word(out, 87, 0x4000 | wwn);
    for (unsigned i = 0; i < 4; i++)
        word(out, 108 + i, d->wwn >> (48 - 16 * i));
}

void ide_identify_disk(IdeDrive *d, uint8_t out[SECTOR])
{
    memset(out, 0, SECTOR);
    word(out, 0, 0x40); /* fixed disk */
    geometry(out, d);
    names(out, d);
    word(out, 20, 3);
    word(out, 21, 512); /* cache, in sectors */
    word(out, 22, 4);
    word(out, 47, 0x8000 | MULT_MAX);
    word(out, 48, 1);
    word(out, 49, 0x0b00); /* standby timer, LBA, DMA */
    word(out, 51, 0x200);
    word(out, 52, 0x200);
    word(out, 59, d->st.mult ? 0x100 | d->st.mult : 0);
    capacity(out, d);
    word(out, 62, 7);
    transfer_modes(out, d);
    for (unsigned i = 65; i <= 68; i++)
        word(out, i, 120); /* ns a cycle */
    word(out, 69, 0x4000); /* trimmed sectors read the same each time */
    features(out, d);
    word(out, 93, 0x6001 | (d->unit ? 0x4000 : 0));
    word(out, 169, 1); /* TRIM */
    word(out, 217, d->rotation_rate);
}

void ide_identify_cdrom(IdeDrive *d, uint8_t out[SECTOR])
{
    memset(out, 0, SECTOR);
    word(out, 0, 0x85c0); /* packet device, CD-ROM, removable, 12-byte packets */
    names(out, d);
    word(out, 20, 3);
    word(out, 21, 512);
    word(out, 22, 4);
    word(out, 48, 1);
    word(out, 49, 0x0300);
    transfer_modes(out, d);
    word(out, 62, 7);
    word(out, 65, 180);
    word(out, 66, 180);
    word(out, 67, 300);
    word(out, 68, 180);
    word(out, 71, 30);
    word(out, 72, 30);
    word(out, 80, 0x1e);
    if (d->wwn) {
        word(out, 84, 0x100);
        word(out, 87, 0x100);
        for (unsigned i = 0; i < 4; i++)
            word(out, 108 + i, d->wwn >> (48 - 16 * i));
    }
}
