using BattKomp.Lab.BatteryData.Bdf;

namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>Checks what the rows say of each other, gives dates their zone and currents their sign, and makes the table.</summary>
internal sealed class NewareAssembly(string file, ImportOptions options, List<NewareStep> steps, List<SourceNote> notes)
{
    private const double ClockResolution = 1;
    private const double PrintedCapacity = 1e-5;

    public RecordTable Build(List<Column> columns, NewareLayout layout, List<ColumnTable> instrumentTables, TimeZoneInfo zone)
    {
        var table = new ColumnTable("records", columns);
        var current = table.Numbers("current_ampere")!;
        RequireWholeSteps(table.Numbers("step_time_second")!);
        RequireWholeCycle(instrumentTables);
        Sign(columns, current, layout);
        Localise(columns, table.Numbers("test_time_second")!, zone);
        columns.AddRange(StepColumns(table.Count));
        if (layout.Record.Any(h => h.Quantity.StartsWith('T') && h.Unit == "?"))
            notes.Add(new SourceNote("unit_assumed", "temperature_t1_celsius", "The temperature unit in the header is unreadable; it is taken as degrees Celsius."));
        notes.Add(new SourceNote("time_resolution", "test_time_second", "Total Time is written in whole seconds; records at a step border may share one."));
        return new RecordTable(columns, Describe(columns, layout, zone), instrumentTables);
    }

    /// <summary>A step's own duration is written in its row; records that end before it are missing.</summary>
    private void RequireWholeSteps(double[] stepTime)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            var reached = step.EndRecord > step.FirstRecord ? stepTime[step.EndRecord - 1] : 0;
            if (Math.Abs(reached - step.Seconds) <= ClockResolution) continue;
            var message = $"step {step.Number} lasts {step.Seconds} s by its own row and its records end at {reached} s.";
            if (i == steps.Count - 1 && reached < step.Seconds && !options.AllowIncomplete)
                throw Refuse(ImportFailureCode.Truncated, step.Line, "Step Time", message, "The file was cut; copy or export it again, or declare that the test is still running.");
            notes.Add(new SourceNote("step_time_mismatch", "step_time_second", message));
        }
    }

    /// <summary>The last cycle's row states its charge; step rows that do not add up to it are missing.</summary>
    private void RequireWholeCycle(List<ColumnTable> tables)
    {
        var (cycles, stepRows) = (tables[0], tables[1]);
        var capacities = Find(stepRows, "Capacity(");
        if (options.AllowIncomplete || capacities is null || cycles.Count == 0) return;
        foreach (var (header, direction) in ((string, int)[])[("Chg. Cap.(", 1), ("DChg. Cap.(", -1)])
        {
            if (Find(cycles, header) is not { } stated) continue;
            var last = steps[^1].Cycle;
            var mine = Enumerable.Range(0, steps.Count).Where(i => steps[i].Cycle == last && NewareStepType.Direction(steps[i].Type) == direction).ToArray();
            var sum = mine.Sum(i => capacities[i]);
            if (stated[^1] - sum > PrintedCapacity * (mine.Length + 1))
                throw Refuse(ImportFailureCode.Truncated, steps[^1].Line, header.TrimEnd('('), $"cycle {last} moved {stated[^1]} by its own row and its steps add up to {sum}.", "The file was cut after a step; copy or export it again, or declare that the test is still running.");
        }
    }

    private static double[]? Find(ColumnTable table, string prefix) =>
        table.Columns.FirstOrDefault(c => c.Name.StartsWith(prefix, StringComparison.Ordinal)) is { } column ? ColumnTable.Numbers(column) : null;

    /// <summary>Checks the sign of current against the step types; gives it one where the caller declared that the file has none.</summary>
    private void Sign(List<Column> columns, double[] current, NewareLayout layout)
    {
        var unsigned = options.CurrentSign == CurrentSign.UnsignedByStepType;
        foreach (var step in steps)
        {
            var direction = NewareStepType.Direction(step.Type);
            var rows = current.AsSpan(step.FirstRecord..step.EndRecord);
            double sum = 0;
            foreach (var i in rows) sum += double.IsNaN(i) ? 0 : i;
            if (direction == 0 || sum == 0) continue;
            var expected = unsigned ? 1 : direction;
            if (Math.Sign(sum) != expected)
                throw Refuse(ImportFailureCode.Contradiction, step.Line, "Current", $"the current of step {step.Number} ({step.Type}) has the wrong sign for it.", unsigned ? "Read the file without declaring that its current is unsigned." : "If the export writes current without a sign, declare it as unsigned by step type.");
            if (!unsigned || direction > 0) continue;
            for (var i = 0; i < rows.Length; i++) rows[i] = -rows[i];
        }

        if (!unsigned) return;
        var at = columns.FindIndex(c => c.Name == "current_ampere");
        var vendor = layout.Record.First(h => h.Quantity == "Current").Text;
        if (columns.All(c => c.Name != vendor)) columns.Add(columns[at].Rename(vendor));
        columns[at] = new NumberColumn("current_ampere", current);
        notes.Add(new SourceNote("sign_given", "current_ampere", "The file's current has no sign; discharging steps were made negative."));
    }

    private void Localise(List<Column> columns, double[] testTime, TimeZoneInfo zone)
    {
        var at = columns.FindIndex(c => c.Name == "unix_time_second");
        if (at < 0) return;
        if (options.TimeZone is null)
            notes.Add(new SourceNote("time_zone_assumed", "unix_time_second", "The file's dates name no time zone; they are read as UTC. Declare the laboratory's zone."));
        if (zone.Equals(TimeZoneInfo.Utc)) return;
        var local = ColumnTable.Numbers(columns[at])!;
        var clock = new LocalClock(zone);
        for (var i = 0; i < local.Length; i++) local[i] = clock.ToUnix(local[i], testTime[i]);
        columns[at] = new NumberColumn("unix_time_second", local);
    }

    private IEnumerable<Column> StepColumns(int records)
    {
        var (cycle, number, id) = (new NumberBuilder(), new NumberBuilder(), new NumberBuilder());
        var (type, vendorType) = (new TextBuilder(), new TextBuilder());
        foreach (var step in steps)
        {
            var code = System.Text.Encoding.UTF8.GetBytes(NewareStepType.ToBdf(step.Type, out var known));
            var name = System.Text.Encoding.UTF8.GetBytes(step.Type);
            if (!known && notes.All(n => n.Code != "step_type_unknown" || !n.Message.Contains(step.Type, StringComparison.Ordinal)))
                notes.Add(new SourceNote("step_type_unknown", "step_type", $"BDF has no code for the step type \"{step.Type}\"; it is kept as it is."));
            for (var i = step.FirstRecord; i < step.EndRecord; i++)
            {
                cycle.Append(step.Cycle);
                number.Append(step.Number);
                id.Append(step.Id);
                type.Append(code);
                vendorType.Append(name);
            }
        }

        System.Diagnostics.Debug.Assert(cycle.Count == records);
        return [cycle.BuildInteger("cycle_count"), number.BuildInteger("step_count"), id.BuildInteger("step_id"), type.Build("step_type"), vendorType.Build("Step Type" + BdfHeader.VendorMark)];
    }

    private SourceDescription Describe(List<Column> columns, NewareLayout layout, TimeZoneInfo zone)
    {
        var names = new Dictionary<string, string> { ["cycle_count"] = "Cycle Index", ["step_count"] = "Step Number", ["step_id"] = "Step Index", ["step_type"] = "Step Type" };
        var canonical = columns.Where(c => BdfTerms.TryGet(c.Name, out _)).Select(c => c.Name).ToHashSet();
        foreach (var (header, i) in layout.Record.Select((h, i) => (h, i)))
            if (NewareField.Create(header, i + 3, file).CanonicalName is { } name && canonical.Contains(name)) names[name] = header.Text;
        var source = BdfHeader.Describe(new SourceDescription { Format = "neware-hierarchical" }, canonical);
        var units = new Dictionary<string, string>(source.Units);
        foreach (var header in layout.Record.Where(h => h.Unit.Length > 0)) units.TryAdd(header.Text, header.Unit);
        return source with
        {
            FileName = file,
            CurrentSign = options.CurrentSign == CurrentSign.Unknown ? CurrentSign.PositiveCharges : options.CurrentSign,
            TimeZone = zone.Id,
            TimeZoneDeclared = options.TimeZone is not null,
            Units = units,
            VendorNames = names,
            Notes = notes,
        };
    }

    private BatteryDataException Refuse(ImportFailureCode code, long line, string field, string message, string remedy) =>
        new(new ImportFailure(code, file, line, null, field, message, remedy));
}
