using System.Buffers.Binary;
using System.Globalization;

namespace BattKomp.Lab.EdgeAgent.Instruments.JbdUart;

/// <summary>What register 03 says of a pack.</summary>
public sealed record JbdPack
{
    /// <summary>Registers of the protocol.</summary>
    public const byte BasicRegister = 0x03, CellsRegister = 0x04, HardwareRegister = 0x05, MosRegister = 0xE1;

    /// <summary>Shortest content of register 03.</summary>
    public const int MinLength = 23;

    private static readonly string[] ProtectionNames =
    [
        "cell over-voltage", "cell under-voltage", "pack over-voltage", "pack under-voltage", "charge over-temperature", "charge under-temperature",
        "discharge over-temperature", "discharge under-temperature", "charge over-current", "discharge over-current", "short circuit", "front-end failure",
        "switches locked by software",
    ];

    /// <summary>Pack voltage, V.</summary>
    public required double Volt { get; init; }

    /// <summary>Pack current, A, positive charges.</summary>
    public required double Ampere { get; init; }

    /// <summary>Charge left, Ah.</summary>
    public required double RemainingAh { get; init; }

    /// <summary>Nominal capacity, Ah.</summary>
    public required double NominalAh { get; init; }

    /// <summary>Cycles that the BMS has counted.</summary>
    public required int Cycles { get; init; }

    /// <summary>Date of manufacture, yyyy-MM-dd as the bits stand.</summary>
    public required string Date { get; init; }

    /// <summary>A bit a cell that is being balanced, cell 1 lowest.</summary>
    public required uint Balance { get; init; }

    /// <summary>A bit a protection in force.</summary>
    public required int Protection { get; init; }

    /// <summary>Version byte, one decimal digit a half.</summary>
    public required byte Software { get; init; }

    /// <summary>State of charge, %.</summary>
    public required int Soc { get; init; }

    /// <summary>The charge switch conducts.</summary>
    public required bool ChargeOn { get; init; }

    /// <summary>The discharge switch conducts.</summary>
    public required bool DischargeOn { get; init; }

    /// <summary>Cells in series.</summary>
    public required int Cells { get; init; }

    /// <summary>Temperatures, °C, as many as the frame holds of those it announces.</summary>
    public required double[] Celsius { get; init; }

    /// <summary>Reads the content of register 03; null when it is too short.</summary>
    public static JbdPack? Parse(ReadOnlySpan<byte> data)
    {
        if (data.Length < MinLength)
            return null;
        var date = Word(data, 10);
        return new JbdPack
        {
            Volt = Word(data, 0) / 100.0,
            Ampere = (short)Word(data, 2) / 100.0,
            RemainingAh = Word(data, 4) / 100.0,
            NominalAh = Word(data, 6) / 100.0,
            Cycles = Word(data, 8),
            Date = string.Create(CultureInfo.InvariantCulture, $"{2000 + (date >> 9):0000}-{(date >> 5) & 0xF:00}-{date & 0x1F:00}"),
            Balance = (uint)(Word(data, 12) | (Word(data, 14) << 16)),
            Protection = Word(data, 16),
            Software = data[18],
            Soc = data[19],
            ChargeOn = (data[20] & 1) != 0,
            DischargeOn = (data[20] & 2) != 0,
            Cells = data[21],
            Celsius = Temperatures(data[22], data[MinLength..]),
        };
    }

    /// <summary>Cell voltages in mV from the content of register 04.</summary>
    public static int[] CellMillivolts(ReadOnlySpan<byte> data)
    {
        var cells = new int[data.Length / 2];
        for (var k = 0; k < cells.Length; k++)
            cells[k] = Word(data, 2 * k);
        return cells;
    }

    /// <summary>Protections in words, joined by commas; empty when none is in force.</summary>
    public static string ProtectionText(int bits) =>
        string.Join(", ", Enumerable.Range(0, 16).Where(k => (bits & (1 << k)) != 0).Select(k => k < ProtectionNames.Length ? ProtectionNames[k] : $"protection bit {k}"));

    private static double[] Temperatures(int announced, ReadOnlySpan<byte> data)
    {
        var celsius = new double[Math.Min(announced, data.Length / 2)];
        for (var k = 0; k < celsius.Length; k++)
            celsius[k] = (Word(data, 2 * k) - 2731) / 10.0;
        return celsius;
    }

    private static int Word(ReadOnlySpan<byte> data, int at) => BinaryPrimitives.ReadUInt16BigEndian(data[at..]);
}
