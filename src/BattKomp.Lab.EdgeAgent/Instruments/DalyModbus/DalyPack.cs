namespace BattKomp.Lab.EdgeAgent.Instruments.DalyModbus;

/// <summary>What the 62 registers from 0 say of a pack.</summary>
public sealed record DalyPack
{
    /// <summary>Address of every Daly BMS on the line.</summary>
    public const byte Unit = 0xD2;

    /// <summary>First register and count of the pack's block.</summary>
    public const int PackRegister = 0, PackCount = 62;

    /// <summary>First register and count of the block with the switches' temperature, and that temperature's place in it.</summary>
    public const int MosRegister = 0x3E, MosCount = 9, MosTemperature = 4;

    private const int MaxCells = 32, TemperatureRegister = 32, MaxTemperatures = 8;

    /// <summary>Pack voltage, V.</summary>
    public required double Volt { get; init; }

    /// <summary>Pack current, A, positive charges.</summary>
    public required double Ampere { get; init; }

    /// <summary>State of charge, %.</summary>
    public required double Soc { get; init; }

    /// <summary>Charge left, Ah.</summary>
    public required double RemainingAh { get; init; }

    /// <summary>Cycles that the BMS has counted.</summary>
    public required int Cycles { get; init; }

    /// <summary>Cell voltages, V.</summary>
    public required double[] CellVolts { get; init; }

    /// <summary>Highest less lowest cell voltage, V, as the BMS says.</summary>
    public required double DeltaVolt { get; init; }

    /// <summary>Temperatures, °C.</summary>
    public required double[] Celsius { get; init; }

    /// <summary>The balancer works.</summary>
    public required bool Balancing { get; init; }

    /// <summary>The charge switch conducts.</summary>
    public required bool ChargeOn { get; init; }

    /// <summary>The discharge switch conducts.</summary>
    public required bool DischargeOn { get; init; }

    /// <summary>Four registers of alarm bits, first register highest.</summary>
    public required ulong Alarms { get; init; }

    /// <summary>Reads the block; null when it is not of its size.</summary>
    public static DalyPack? Parse(ushort[] r) => r.Length != PackCount ? null : new DalyPack
    {
        Volt = r[40] / 10.0,
        Ampere = (r[41] - 30000) / 10.0,
        Soc = r[42] / 10.0,
        RemainingAh = r[48] / 10.0,
        Cycles = r[51],
        CellVolts = [.. r.Take(Math.Min((int)r[49], MaxCells)).Select(mv => mv / 1000.0)],
        DeltaVolt = r[56] / 1000.0,
        Celsius = [.. r.Skip(TemperatureRegister).Take(Math.Min((int)r[50], MaxTemperatures)).Select(Degrees)],
        Balancing = r[52] != 0,
        ChargeOn = r[53] != 0,
        DischargeOn = r[54] != 0,
        Alarms = ((ulong)r[58] << 48) | ((ulong)r[59] << 32) | ((ulong)r[60] << 16) | r[61],
    };

    /// <summary>°C of a temperature word, which stands 40 too high on the wire.</summary>
    public static double Degrees(ushort raw) => raw - 40;
}
