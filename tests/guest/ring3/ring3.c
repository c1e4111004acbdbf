/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that drops to ring 3 and there drives interrupt chips and a virtio queue, with any
 * accelerator and any kernel-irqchip=. It is its own firmware (-bios), so nothing else runs. Each
 * step prints "ok NAME" to port E9h; one that fails waits for ever, and the line is missing.
 * Sources: Intel 8259A, 82093AA, SDM 3A chapter 10; PCI 3.0; virtio 1.1 chapters 2.6 and 4.1.
 */
#include <stdint.h>

#define RAM(type, addr) (*(volatile type *)(uintptr_t)(addr))

enum {
    LAPIC = 0xfee00000,
    IOAPIC = 0xfec00000,
    /* where this guest puts what */
    PIRQ = 11,
    BAR_MSIX = 0xfe010000,
    BAR_MODERN = 0xfe000000,
    DESC = 0x30000,
    AVAIL = 0x31000,
    USED = 0x32000,
    BUFFER = 0x33000,
    SIPI_PAGE = 0x7000,
    QUEUE_SIZE = 8,
    /* vectors */
    V_PIC = 0x20,
    V_PIT = 0x30,
    V_TIMER,
    V_IPI,
    V_INTX,
    V_MSIX = 0x41,
};

static volatile uint32_t count[256]; /* interrupts taken */
static volatile uint32_t lazy;       /* so many INTx that are not looked after */
static volatile uint32_t isr_address;

/* ---- ports ---- */
static inline void out8(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline void out32(uint16_t port, uint32_t v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }
static inline uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline uint32_t in32(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static void say(const char *s)
{
    while (*s)
        out8(0xe9, *s++);
}

static void hex(uint64_t v)
{
    for (int i = 60; i >= 0; i -= 4)
        out8(0xe9, "0123456789abcdef"[v >> i & 15]);
}

/* ---- ring 0 ---- */
typedef struct Table {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed)) Table;

static uint64_t gdt[7];
static uint64_t idt[512];
static uint32_t tss[26];
extern const char stubs[];

void interrupt(uint64_t vector, uint64_t rip);
void interrupt(uint64_t vector, uint64_t rip)
{
    if (vector < 32 && vector != 2) {
        say("fault ");
        hex(vector);
        say(" at ");
        hex(rip);
        say("\n");
        out8(0xf4, 1);
    }
    if (vector == V_PIC) {
        out8(0x20, 0x20);
    } else {
        if (vector == V_INTX) {
            if (lazy)
                lazy--;
            else
                (void)RAM(uint8_t, isr_address); /* lowers the line */
        }
        RAM(uint32_t, LAPIC + 0xb0) = 0;
    }
    count[vector]++;
}

void kernel(void);
void kernel(void)
{
    uint64_t at = (uintptr_t)tss;
    gdt[1] = 0x00af9b000000ffff; /* 08h, 10h: ours */
    gdt[2] = 0x00cf93000000ffff;
    gdt[3] = 0x00cff3000000ffff; /* 1Bh, 23h: ring 3's */
    gdt[4] = 0x00affb000000ffff;
    gdt[5] = 0x0000890000000067 | (at & 0xffffff) << 16;
    tss[1] = 0x80000; /* rsp of ring 0 */
    for (unsigned i = 0; i < 256; i++) {
        uint64_t to = (uintptr_t)stubs + 16 * i;
        idt[2 * i] = (to & 0xffff) | 0x08 << 16 | 0x8e00ull << 32 | (to >> 16 & 0xffff) << 48;
    }
    Table g = { sizeof(gdt) - 1, (uintptr_t)gdt }, d = { sizeof(idt) - 1, (uintptr_t)idt };
    __asm__ volatile("lgdt %0; lidt %1; ltr %w2" ::"m"(g), "m"(d), "r"(0x28));
}

/* ---- ring 3 ---- */
static void wait(unsigned vector, uint32_t n)
{
    while (count[vector] < n)
        __asm__ volatile("pause");
}

static void ioapic(unsigned pin, uint32_t low)
{
    RAM(uint32_t, IOAPIC) = 0x10 + 2 * pin;
    RAM(uint32_t, IOAPIC + 0x10) = low;
    RAM(uint32_t, IOAPIC) = 0x11 + 2 * pin;
    RAM(uint32_t, IOAPIC + 0x10) = 0; /* to APIC 0 */
}

static void chips(void)
{
    static const uint8_t icw[2][4] = { { 0x11, V_PIC, 4, 1 }, { 0x11, V_PIC + 8, 2, 1 } };
    for (unsigned chip = 0; chip < 2; chip++)
        for (unsigned i = 0; i < 4; i++)
            out8((chip ? 0xa0 : 0x20) + (i > 0), icw[chip][i]);
    out8(0xa1, 0xff);
    out8(0x21, 0xfe);
    out8(0x43, 0x34); /* counter 0: 100 Hz */
    out8(0x40, 11932 & 0xff);
    out8(0x40, 11932 >> 8);
    RAM(uint32_t, LAPIC + 0xf0) = 0x1ff;
    RAM(uint32_t, LAPIC + 0x350) = 0x700; /* LINT0: ask the PIC */
    __asm__ volatile("sti");
    wait(V_PIC, 3);
    say("ok pic\n");

    out8(0x21, 0xff);
    RAM(uint32_t, LAPIC + 0x350) = 0x10700;
    ioapic(2, V_PIT);
    wait(V_PIT, 3);
    ioapic(2, 0x10000 | V_PIT);
    say("ok ioapic\n");

    RAM(uint32_t, LAPIC + 0x3e0) = 0xb; /* divide by 1 */
    RAM(uint32_t, LAPIC + 0x320) = V_TIMER;
    RAM(uint32_t, LAPIC + 0x380) = 100000;
    wait(V_TIMER, 1);
    say("ok timer\n");

    RAM(uint32_t, LAPIC + 0x300) = 0x44000 | V_IPI;
    wait(V_IPI, 1);
    say("ok ipi\n");
}

static void processors(void)
{
    /* lock inc byte cs:[100h]; cli; hlt */
    static const uint8_t code[] = { 0x2e, 0xf0, 0xfe, 0x06, 0x00, 0x01, 0xfa, 0xf4 };
    out8(0x70, 0x5f);
    unsigned others = in8(0x71);
    for (unsigned i = 0; i < sizeof(code); i++)
        RAM(uint8_t, SIPI_PAGE + i) = code[i];
    if (!others)
        return;
    RAM(uint32_t, LAPIC + 0x300) = 0xc4500;
    RAM(uint32_t, LAPIC + 0x300) = 0xc4600 | SIPI_PAGE >> 12;
    while (RAM(uint8_t, SIPI_PAGE + 0x100) < others)
        __asm__ volatile("pause");
    say("ok processors\n");
}

/* ---- PCI ---- */
static uint32_t config(unsigned devfn, unsigned reg)
{
    out32(0xcf8, 0x80000000 | devfn << 8 | reg);
    return in32(0xcfc);
}

static void config_set(unsigned devfn, unsigned reg, uint32_t v)
{
    out32(0xcf8, 0x80000000 | devfn << 8 | reg);
    out32(0xcfc, v);
}

static unsigned find(uint32_t id, uint32_t or_id)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        uint32_t is = config(devfn, 0);
        if (is == id || is == or_id)
            return devfn;
    }
    say("no device\n");
    out8(0xf4, 2);
    return 0;
}

/* ---- virtio ---- */
typedef struct Device {
    unsigned devfn, msix;
    uint32_t common, notify;
} Device;

static void find_registers(Device *d)
{
    for (unsigned at = config(d->devfn, 0x34) & 0xff; at; at = config(d->devfn, at) >> 8 & 0xff) {
        uint32_t head = config(d->devfn, at), where = BAR_MODERN + config(d->devfn, at + 8);
        if ((head & 0xff) == 0x11)
            d->msix = at;
        if ((head & 0xff) != 9)
            continue;
        switch (head >> 24) {
        case 1: d->common = where; break;
        case 2: d->notify = where; break;
        case 3: isr_address = where; break;
        }
    }
}

static void start(Device *d)
{
    uint32_t c = d->common;
    RAM(uint8_t, c + 20) = 0;
    RAM(uint32_t, AVAIL) = RAM(uint32_t, USED) = 0; /* memory outlives a reset */
    RAM(uint8_t, c + 20) = 3; /* acknowledged, driver */
    RAM(uint32_t, c + 8) = 1;
    RAM(uint32_t, c + 12) = 1; /* VERSION_1 */
    RAM(uint8_t, c + 20) = 11;
    RAM(uint16_t, c + 22) = 0;
    RAM(uint16_t, c + 24) = QUEUE_SIZE;
    RAM(uint32_t, c + 32) = DESC;
    RAM(uint32_t, c + 36) = 0;
    RAM(uint32_t, c + 40) = AVAIL;
    RAM(uint32_t, c + 44) = 0;
    RAM(uint32_t, c + 48) = USED;
    RAM(uint32_t, c + 52) = 0;
    RAM(uint16_t, c + 28) = 1;
    RAM(uint8_t, c + 20) = 15;
}

static void ask(const Device *d)
{
    uint16_t n = RAM(uint16_t, AVAIL + 2);
    RAM(uint64_t, DESC) = BUFFER;
    RAM(uint32_t, DESC + 8) = 64;
    RAM(uint32_t, DESC + 12) = 2; /* for the device to write */
    RAM(uint16_t, AVAIL + 4 + 2 * (n % QUEUE_SIZE)) = 0;
    __asm__ volatile("mfence");
    RAM(uint16_t, AVAIL + 2) = n + 1;
    __asm__ volatile("mfence");
    RAM(uint16_t, d->notify) = 0;
}

/* its answer, and the interrupt that says so */
static void answer(unsigned vector, uint32_t n)
{
    wait(vector, n);
    while (RAM(uint16_t, USED + 2) != RAM(uint16_t, AVAIL + 2))
        __asm__ volatile("pause");
}

static void queue(void)
{
    Device d = { .devfn = find(0x10051af4, 0x10441af4) };
    unsigned bridge = find(0x70008086, 0x71108086);
    find_registers(&d);
    config_set(bridge, 0x60, PIRQ * 0x01010101u);
    out8(0x4d1, 1 << (PIRQ - 8)); /* level */
    config_set(d.devfn, 0x14, BAR_MSIX);
    config_set(d.devfn, 0x20, BAR_MODERN);
    config_set(d.devfn, 0x24, 0);
    config_set(d.devfn, 4, 6); /* memory, bus master */
    ioapic(PIRQ, 0x8000 | V_INTX);
    start(&d);
    for (unsigned i = 1; i <= 20; i++) {
        ask(&d);
        answer(V_INTX, i);
    }
    say("ok intx\n");

    lazy = 3; /* the line stays up, so each EOI brings it again */
    ask(&d);
    answer(V_INTX, 24);
    say("ok level\n");

    RAM(uint32_t, BAR_MSIX) = LAPIC;
    RAM(uint32_t, BAR_MSIX + 4) = 0;
    RAM(uint32_t, BAR_MSIX + 8) = V_MSIX;
    RAM(uint32_t, BAR_MSIX + 12) = 0;
    config_set(d.devfn, d.msix, 0x80000000);
    RAM(uint16_t, d.common + 26) = 0; /* the queue's vector */
    for (unsigned i = 1; i <= 200; i++) {
        ask(&d);
        answer(V_MSIX, i);
    }
    say(count[V_INTX] == 24 && count[V_MSIX] == 200 ? "ok msix\n" : "too many interrupts\n");
}

void user(void);
void user(void)
{
    uint64_t cs;
    __asm__ volatile("mov %%cs, %0" : "=r"(cs));
    say((cs & 3) == 3 ? "ok ring3\n" : "not in ring 3\n");
    chips();
    processors();
    queue();
    say("done\n");
    out8(0xf4, 0x10);
    for (;;)
        __asm__ volatile("pause");
}
