using System.Globalization;
using System.Text;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.BatteryData.Importers.Rows;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>Exports of any length in each vendor's layout, and what one full import makes of them.</summary>
internal static class ExportFiles
{
    public static readonly string[] Formats = ["neware-hierarchical", "neware-flat", "arbin", "maccor", "biologic"];

    /// <summary>An export of so many records; the seed changes the values from the first record on.</summary>
    public static byte[] Make(string format, int rows, int seed = 1)
    {
        var random = new Random(seed);
        var text = new StringBuilder(Header(format));
        for (var row = 1; row <= rows; row++)
        {
            if (format == "neware-hierarchical" && row % 20 == 1)
                text.Append(Step(row / 20));
            text.Append(Record(format, row, 3 + random.NextDouble())).Append('\n');
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Row number, canonical values and step type of each record.</summary>
    public static List<(long Row, double[] Values, string Type)> Import(byte[] bytes)
    {
        var sink = new Collector();
        var reader = RowImporters.Recognise(bytes)!.Open("whole", new ImportOptions { TimeZone = "Europe/Oslo", AllowIncomplete = true });
        reader.Feed(bytes, sink);
        reader.Complete(sink);
        return sink.Rows;
    }

    private static string Header(string format) => format switch
    {
        "neware-hierarchical" => "Cycle Index,Chg. Cap.(Ah)\n,Step Index,Step Number,Step Type,Step Time,Capacity(Ah)\n,,DataPoint,Time,Total Time,Current(A),Voltage(V),Capacity(Ah),Date\n",
        "neware-flat" => "DataPoint,Cycle Index,Step Index,Step Type,Time,Total Time,Current(A),Voltage(V),Chg. Cap.(Ah),Date\n",
        "arbin" => "Data_Point,Date_Time,Test_Time(s),Step_Time(s),Cycle_Index,Step_Index,Current(A),Voltage(V),Charge_Capacity(Ah),Discharge_Capacity(Ah)\n",
        "maccor" => "Name:\tSYNTHETIC\nStarted\t2026\n\nRec#\tCyc#\tStep\tTest (Sec)\tStep (Sec)\tAmp-hr\tWatt-hr\tAmps\tVolts\tState\tDPt Time\n",
        _ => "BT-Lab ASCII FILE\nNb header lines : 4\nAcquisition started on : 05/13/2026 11:19:51.500\ntime/s\tEcell/V\tI/mA\tNs\tcycle number\t(Q-Qo)/mA.h\t\n",
    };

    private static string Step(int step) => (step % 4 == 0 ? $"{(step / 4) + 1},0.5\n" : "")
        + $",{(step % 4) + 1},{step + 1},{(step % 2 == 0 ? "CC Chg" : "CC DChg")},00:20:00,0.1\n";

    private static string Record(string format, int row, double volt)
    {
        var seconds = row * 10;
        var sign = row / 20 % 2 == 0 ? 1 : -1;
        if (format == "neware-hierarchical")
            sign = (row - 1) / 20 % 2 == 0 ? 1 : -1;
        var time = $"{seconds / 3600:00}:{seconds / 60 % 60:00}:{seconds % 60:00}";
        var date = new DateTime(2026, 5, 13, 8, 0, 0, DateTimeKind.Unspecified).AddSeconds(seconds);
        var state = sign > 0 ? "CC Chg" : "CC DChg";
        var (step, cycle) = ((row / 20) + 1, (row / 80) + 1);
        FormattableString record = format switch
        {
            "neware-hierarchical" => $",,{row},{time},{time},{sign}.5,{volt:F4},0.{row:D6},{date:yyyy-MM-dd HH:mm:ss}",
            "neware-flat" => $"{row},{cycle},{step},{state},{time},{time},{sign}.5,{volt:F4},0.{row:D6},{date:yyyy-MM-dd HH:mm:ss}",
            "arbin" => $"{row},\t{date:MM/dd/yyyy HH:mm:ss.fff},{seconds}.25,{seconds % 200},{cycle},{step},{sign}.5,{volt:F6},0.{row:D6},0",
            "maccor" => $"{row}\t{cycle}\t{step}\t{seconds}.0000\t{seconds % 200}.00\t0.{row:D6}\t0.{row:D6}\t1.5\t{volt:F6}\t{(sign > 0 ? "C" : "D")}\t{date:MM/dd/yyyy HH:mm:ss}",
            _ => $"{seconds}.0E+000\t{volt:E7}\t{sign}.5E+003\t{step}\t{cycle}.0E+000\t{row}.5E+000\t",
        };
        return record.ToString(CultureInfo.InvariantCulture);
    }

    private sealed class Collector : IRowSink
    {
        public List<(long, double[], string)> Rows { get; } = [];

        public void Row(in RowView row) => Rows.Add((row.Number, row.Numbers.ToArray(), Encoding.UTF8.GetString(row.StepType)));

        public void Refused(long number, ReadOnlySpan<byte> line, ImportFailure why)
        {
        }

        public void Finding(ImportFailure finding)
        {
        }
    }
}
