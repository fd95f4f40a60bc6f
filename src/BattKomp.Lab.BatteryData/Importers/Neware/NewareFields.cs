using System.Text;

namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>Collects one column of the record rows.</summary>
internal abstract class NewareField(NewareHeader header, int column, string file)
{
    public NewareHeader Header => header;

    /// <summary>Machine name of the column that the field becomes, or null for a vendor's own.</summary>
    public abstract string? CanonicalName { get; }

    public abstract void Take(ReadOnlySpan<byte> field, long line);

    /// <summary>The columns that this field becomes: canonical, the vendor's own, or both.</summary>
    public abstract IEnumerable<Column> Build();

    protected BatteryDataException Refuse(ReadOnlySpan<byte> field, long line, string what, string remedy) =>
        new(new ImportFailure(ImportFailureCode.BadField, file, line, column, header.Text, $"\"{Encoding.UTF8.GetString(field)}\" is not {what}.", remedy));

    public static NewareField Create(NewareHeader header, int column, string file)
    {
        var quantity = header.Quantity;
        switch (quantity)
        {
            case "Time": return new DurationField(header, column, file, "step_time_second");
            case "Total Time": return new DurationField(header, column, file, "test_time_second");
            case "Date": return new DateField(header, column, file);
            case "DataPoint": return new QuantityField(header, column, file, "record_index", 1, true);
        }

        (string Name, string Unit)? target = quantity switch
        {
            "Current" => ("current_ampere", "A"),
            "Voltage" => ("voltage_volt", "V"),
            "Capacity" => ("step_cumulative_capacity_ah", "Ah"),
            "Energy" => ("step_cumulative_energy_wh", "Wh"),
            "Power" => ("power_watt", "W"),
            _ => null,
        };
        if (target is { } known) return new QuantityField(header, column, file, known.Name, Divisor(header, known.Unit, column, file), false);
        return quantity.Length == 2 && quantity[0] == 'T' && quantity[1] is >= '1' and <= '5' && IsCelsius(header.Unit)
            ? new QuantityField(header, column, file, $"temperature_t{quantity[1]}_celsius", 1, false)
            : new VendorField(header, column, file);
    }

    /// <summary>The degree sign is lost in many exports (<c>T1(?)</c>); the tester has no other unit of temperature.</summary>
    public static bool IsCelsius(string unit) => unit is "?" or "℃" or "°C" or "degC" or "oC" or "C" or "";

    private static double Divisor(NewareHeader header, string unit, int column, string file)
    {
        if (header.Unit == unit) return 1;
        if (header.Unit == "m" + unit) return 1000;
        throw new BatteryDataException(new ImportFailure(
            ImportFailureCode.BadField, file, 3, column, header.Text, $"the unit \"{header.Unit}\" of {header.Quantity} is not {unit} or m{unit}.",
            $"Export {header.Quantity} in {unit} or m{unit}."));
    }

    /// <summary>A number that BDF has a term for; its own values stay beside the canonical ones when the unit had to be changed.</summary>
    private sealed class QuantityField(NewareHeader header, int column, string file, string name, double divisor, bool whole)
        : NewareField(header, column, file)
    {
        private readonly NumberBuilder _values = new();

        public override string? CanonicalName => name;

        public override void Take(ReadOnlySpan<byte> field, long line)
        {
            if (!Utf8Number.TryParse(field, out var value))
                throw Refuse(field, line, "a number", "Export the file again; do not edit it by hand or in a spreadsheet.");
            _values.Append(value);
        }

        public override IEnumerable<Column> Build()
        {
            if (divisor == 1)
            {
                yield return whole ? _values.BuildInteger(name) : _values.Build(name);
                yield break;
            }

            var converted = new double[_values.Count];
            for (var i = 0; i < converted.Length; i++) converted[i] = _values.Values[i] / divisor;
            yield return new NumberColumn(name, converted);
            yield return _values.Build(Header.Text);
        }
    }

    /// <summary>A duration; the text stays beside the seconds.</summary>
    private sealed class DurationField(NewareHeader header, int column, string file, string name) : NewareField(header, column, file)
    {
        private readonly NumberBuilder _seconds = new();
        private readonly TextBuilder _texts = new();

        public override string? CanonicalName => name;

        public override void Take(ReadOnlySpan<byte> field, long line)
        {
            if (!NewareTime.TryParseDuration(field, out var seconds))
                throw Refuse(field, line, "a duration (h:mm:ss)", "Export with times as h:mm:ss and do not open the file in a spreadsheet first.");
            _seconds.Append(seconds);
            _texts.Append(field);
        }

        public override IEnumerable<Column> Build() => [_seconds.Build(name), _texts.Build(Header.Text)];
    }

    /// <summary>A naive local date; <see cref="NewareParser"/> gives it its zone.</summary>
    private sealed class DateField(NewareHeader header, int column, string file) : NewareField(header, column, file)
    {
        private readonly NumberBuilder _local = new();
        private readonly TextBuilder _texts = new();

        public override string? CanonicalName => "unix_time_second";

        public override void Take(ReadOnlySpan<byte> field, long line)
        {
            if (!NewareTime.TryParseLocal(field, out var local))
                throw Refuse(field, line, "a date (yyyy-MM-dd HH:mm:ss)", "Export with dates as yyyy-MM-dd HH:mm:ss and do not open the file in a spreadsheet first.");
            _local.Append(local);
            _texts.Append(field);
        }

        public override IEnumerable<Column> Build() => [_local.Build("unix_time_second"), _texts.Build(Header.Text)];
    }

    /// <summary>A column that BDF has no term for.</summary>
    private sealed class VendorField(NewareHeader header, int column, string file) : NewareField(header, column, file)
    {
        private readonly TextBuilder _texts = new();

        public override string? CanonicalName => null;

        public override void Take(ReadOnlySpan<byte> field, long line) => _texts.Append(field);

        public override IEnumerable<Column> Build() => [ColumnInference.Build(Header.Text, _texts)];
    }
}
