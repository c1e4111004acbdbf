/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "VGA": the standard PCI display adapter. BAR 0 is display memory, BAR 2 4 KiB of registers: 0 the
 * monitor's EDID, 400h the VGA ports 3C0h-3DFh, 500h the VBE registers, 600h how many bytes follow
 * and the byte order, which is always little. Its ROM is the firmware's vgabios-stdvga.bin.
 */
#include "hw/display/edid.h"
#include "hw/display/vga.h"
#include "hw/pci/pci.h"

typedef struct VgaPci {
    PciDevice pci;
    /* config */ uint32_t vgamem_mb;
    uint32_t xres, yres;
    bool mmio, edid;
    /* state and host */ Vga vga;
    Region regs;
    uint8_t monitor[EDID_SIZE];
} VgaPci;

enum { ORDER_LITTLE = 0x1e1e1e1e };

static const Prop VgaPci_rows[] = {
    PROP_RANGE(VgaPci, vgamem_mb, "vgamem_mb", 16, 1, 256, "display memory in MiB"),
    PROP_BOOL(VgaPci, mmio, "mmio", true, "registers in BAR 2"),
    PROP_BOOL(VgaPci, edid, "edid", true, "the guest may ask what the monitor likes"),
    PROP_RANGE(VgaPci, xres, "xres", 0, 0, EDID_MAX, "width it likes best; 0: 1280"),
    PROP_RANGE(VgaPci, yres, "yres", 0, 0, EDID_MAX, "height it likes best; 0: 800"),
    PROP_END(VgaPci)
};

static uint64_t regs_read(void *o, uint64_t off, unsigned size)
{
    VgaPci *v = o;
    if (off >= 0x400 && off < 0x420) {
        uint64_t val = 0;
        for (unsigned i = 0; i < size; i++)
            val |= vga_port_read(&v->vga, 0x10 + off - 0x400 + i, 1) << (8 * i);
        return val;
    }
    if (off >= 0x500 && off < 0x500 + 2 * VBE_REGS && size == 2)
        return vga_vbe_read(&v->vga, (off - 0x500) / 2);
    if (off >= 0x600 && off < 0x608)
        return (off < 0x604 ? 8u : ORDER_LITTLE) >> (8 * (off & 3)) & (size == 1 ? 0xff : 0xffff);
    if (off + size <= EDID_SIZE && v->edid)
        return size == 1 ? v->monitor[off] : v->monitor[off] | v->monitor[off + 1] << 8;
    return off < 0x400 ? 0 : ~0ull;
}

static void regs_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    VgaPci *v = o;
    if (off >= 0x400 && off < 0x420)
        for (unsigned i = 0; i < size; i++)
            vga_port_write(&v->vga, 0x10 + off - 0x400 + i, val >> (8 * i) & 255, 1);
    else if (off >= 0x500 && off < 0x500 + 2 * VBE_REGS && size == 2)
        vga_vbe_write(&v->vga, (off - 0x500) / 2, val);
}

static const IoOps regs_ops = { regs_read, regs_write,    .min = 1,
                                .max = 8,  .impl_min = 1, .impl_max = 2 };

static bool vga_pci_realize(Device *dev, GError **err)
{
    VgaPci *v = (VgaPci *)dev;
    if (v->vgamem_mb & (v->vgamem_mb - 1))
        return user_fail(err, "vgamem_mb=%u is no power of two: type 8, 16, 32 ...", v->vgamem_mb);
    if (!vga_init(&v->vga, dev, v->vgamem_mb << 20, err))
        return false;
    pci_bar(&v->pci, 0, &v->vga.vram, PCI_BAR_MEM | PCI_BAR_PREFETCH);
    edid_make(v->monitor, v->xres ? v->xres : 1280, v->yres ? v->yres : 800);
    if (v->mmio)
        pci_bar_io(&v->pci, 2, &v->regs, PCI_BAR_MEM, 4096, &regs_ops, v);
    return true;
}

static void vga_pci_reset(Device *dev)
{
    vga_reset(&((VgaPci *)dev)->vga);
}

static void vga_pci_sync(Device *dev)
{
    vga_sync(&((VgaPci *)dev)->vga);
}

static void vga_pci_unrealize(Device *dev)
{
    vga_fini(&((VgaPci *)dev)->vga);
}

static const PciInfo vga_pci_info = {
    .vendor = 0x1234,
    .device = 0x1111,
    .class = 0x0300,
    .sub_vendor = 0x1af4,
    .sub_device = 0x1100,
    .rev = 2,
    .rom = "vgabios-stdvga.bin",
};

static const DeviceType vga_pci = {
    .name = "VGA",
    .desc = "standard VGA",
    .size = sizeof(VgaPci),
    .flags = TYPE_USER | DEFAULT_VGA,
    .bus = &pci_bus_type,
    .bus_info = &vga_pci_info,
    .props = VgaPci_rows,
    .state = STATE_PARTS(STATE(VgaPci, vga.st, VgaState_rows, 1)),
    .realize = vga_pci_realize,
    .reset = vga_pci_reset,
    .sync = vga_pci_sync,
    .unrealize = vga_pci_unrealize,
};
REGISTER(device, vga_pci);
